{# A text as an SQL literal, with its quotes escaped. #}
{% macro text_literal(text) -%}
    '{{ text | string | replace("'", "''") }}'
{%- endmacro %}
