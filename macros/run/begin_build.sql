{# On-run-start, the last hook: refuses wrong variables and portals (R11), prepares
   the export root, and marks the tables as unfinished in run.build. #}
{% macro begin_build() -%}
    {%- if execute -%}
        {%- set as_of = utc_timestamp(text_literal(as_of_text())) -%}
        {#- In a query of its own, so that a refusal ends dbt before the build. -#}
        {%- do called(
            'build_begin(' ~ invocation() ~ ', coalesce(cast(' ~ as_of
            ~ " as varchar), ''))"
        ) -%}
    {%- endif -%}
{%- endmacro %}
