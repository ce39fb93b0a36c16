{# R10: a portal's base URL without /api/v1 and without a trailing slash. #}
{% macro portal_root(base_url) -%}
    {{ return(adapter.dispatch('portal_root')(base_url)) }}
{%- endmacro %}

{% macro duckdb__portal_root(base_url) -%}
    regexp_replace(trim({{ base_url }}), '/*(/api/v1)?/*$', '')
{%- endmacro %}
