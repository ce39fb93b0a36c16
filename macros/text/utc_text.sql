{# R8: a time as YYYY-MM-DDTHH:MM:SSZ, cut to whole seconds. #}
{% macro utc_text(timestamp) -%}
    {{ return(adapter.dispatch('utc_text')(timestamp)) }}
{%- endmacro %}

{% macro duckdb__utc_text(timestamp) -%}
    strftime({{ timestamp }}, '%Y-%m-%dT%H:%M:%SZ')
{%- endmacro %}
