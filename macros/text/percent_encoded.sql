{# R10: every character but RFC 3986's unreserved ones percent-encoded. #}
{% macro percent_encoded(text) -%}
    {{ return(adapter.dispatch('percent_encoded')(text)) }}
{%- endmacro %}

{% macro duckdb__percent_encoded(text) -%}
    url_encode({{ text }})
{%- endmacro %}
