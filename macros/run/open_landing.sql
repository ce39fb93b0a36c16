{# On-run-start: makes the views of schema `landing` over the current load. They
   name the load itself, so a build reads one load from start to end. The build
   holds the load, so that nothing prunes it meanwhile. #}
{% macro open_landing() -%}
    {%- if execute and reads_landing() -%}
        {{ return(adapter.dispatch('open_landing')()) }}
    {%- endif -%}
{%- endmacro %}

{# Whether the command at hand runs models or tests at all. #}
{% macro reads_landing() -%}
    {{ return(flags.WHICH in ['build', 'run', 'test', 'retry']) }}
{%- endmacro %}

{% macro duckdb__open_landing() -%}
    {%- set landing = env_var('LANDING_DIR', 'landing') -%}
    {%- set load = called('landing_open(' ~ text_literal(landing) ~ ')') -%}
    {%- do run_query('create schema if not exists landing') -%}
    {%- set description = text_literal(load ~ '/load.json') -%}
    {%- do run_query(
        "create or replace view landing.loads as select * from read_json("
        ~ description ~ ", columns = {load_id: 'varchar',"
        ~ " extracted_at: 'varchar', portals: 'json'})"
    ) -%}
    {%- for entity, columns in landing_columns().items() -%}
        {%- do run_query(landing_view(load, entity, columns)) -%}
    {%- endfor -%}
    {%- do log('Reading load ' ~ load.split('/')[-1] ~ '.', info=true) -%}
{%- endmacro %}

{% macro landing_view(load, entity, columns) -%}
    create or replace view landing.{{ entity }} as
    select
        portal
        {%- for column, type in columns.items() %},
        cast({{ column }} as {{ type }}) as {{ column }}
        {%- endfor %}
    from read_parquet(
        {{ text_literal(load ~ '/portal=*/' ~ entity ~ '.parquet') }},
        hive_partitioning = true,
        hive_types_autocast = false
    )
{%- endmacro %}
