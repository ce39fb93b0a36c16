{# Makes the views of schema `landing` over the load that `current` points to.
   They name the load itself, so a build reads one load from start to end. The
   build holds the load, so that no prune removes it meanwhile. #}
{% macro open_landing() -%}
    {%- if execute and reads_landing() -%}
        {{ return(adapter.dispatch('open_landing')()) }}
    {%- endif -%}
{%- endmacro %}

{# Whether this command runs models or tests. #}
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
    {%- for table in landing_files() -%}
        {%- do run_query(landing_view(load, table.name, table.columns)) -%}
    {%- endfor -%}
    {%- do log('Reading load ' ~ load.split('/')[-1] ~ '.', info=true) -%}
{%- endmacro %}

{# The sources that are Parquet files of a load: their columns have types. #}
{% macro landing_files() -%}
    {%- set found = [] -%}
    {%- for table in graph.sources.values() -%}
        {%- if table.columns.values() | selectattr('data_type') | list -%}
            {%- do found.append(table) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{% macro landing_view(load, entity, columns) -%}
    create or replace view landing.{{ entity }} as
    select
        portal
        {%- for column in columns.values() %},
        cast({{ column.name }} as {{ column.data_type }}) as {{ column.name }}
        {%- endfor %}
    from read_parquet(
        {{ text_literal(load ~ '/portal=*/' ~ entity ~ '.parquet') }},
        hive_partitioning = true,
        hive_types_autocast = false
    )
{%- endmacro %}
