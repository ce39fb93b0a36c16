{# R10: percent-encodes every character except RFC 3986's unreserved ones. #}
{% macro percent_encoded(text) -%}
    {{ return(adapter.dispatch('percent_encoded')(text)) }}
{%- endmacro %}

{% macro duckdb__percent_encoded(text) -%}
    url_encode({{ text }})
{%- endmacro %}
