{# run.build, one row, says of what build the tables of a database are and
   whether they can be relied on: dbt leaves those of a failed build as well.
   It is written whatever becomes of the run's files. #}

{# On-run-start, the last: from now on the tables change. #}
{% macro begin_build() -%}
    {%- if execute and changes_tables() -%}
        {%- do run_query('create schema if not exists run') -%}
        create or replace table run.build as
        select
            {{ text_literal(run_id()) }} as run_id,
            {{ text_literal(code_version()) }} as code_version,
            {{ text_literal(tojson(applied_filters(), sort_keys=true)) }}
                as variables,
            cast(null as varchar) as load_id,
            cast(null as timestamp) as as_of,
            false as has_passed,
            'it has not finished' as obstacle
    {%- endif -%}
{%- endmacro %}

{# On-run-end, the first. #}
{% macro end_build(results) -%}
    {%- if execute and changes_tables() -%}
        {%- set obstacle = promotion_obstacle(results) -%}
        {%- if obstacle -%}
            update run.build set obstacle = {{ text_literal(obstacle) }}
        {%- else -%}
            update run.build set
                load_id = int_run.load_id,
                as_of = int_run.as_of,
                has_passed = true,
                obstacle = null
            from {{ built('int_run') }} as int_run
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Whether the command at hand writes models, seeds or snapshots. #}
{% macro changes_tables() -%}
    {{ return(flags.WHICH in ['build', 'run', 'retry', 'seed', 'snapshot']) }}
{%- endmacro %}
