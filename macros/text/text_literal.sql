{# A text as an SQL literal, whatever quotes it has. #}
{% macro text_literal(text) -%}
    '{{ text | string | replace("'", "''") }}'
{%- endmacro %}
