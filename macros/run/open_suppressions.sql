{# On-run-start, the first hook: records the suppression list in the ledger, and
   makes landing.suppressions of the whole ledger (R9). #}
{% macro open_suppressions() -%}
    {%- if execute and reads_landing() -%}
        {#- In a query by itself, so that a refusal ends dbt before the build. -#}
        {%- do called('build_suppressions(' ~ invocation() ~ ')') -%}
    {%- endif -%}
{%- endmacro %}
