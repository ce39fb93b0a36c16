{# On-run-end: says in run.build whether everything passed; writes the manifest
   and promotes the run, or says why not. #}
{% macro end_build(results) -%}
    {%- if execute -%}
        {#- As the hook's own statement: if it fails, dbt exits with 1. -#}
        select build_end({{ invocation(results) }})
    {%- endif -%}
{%- endmacro %}
