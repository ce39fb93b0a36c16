{# R11: whether a column is one of the values of a list variable; an empty list
   passes everything. #}
{% macro passes_filter(column, variable) -%}
    {%- set values = var(variable) -%}
    {%- set cleaned = clean_text if variable == 'groups' else trim_text -%}
    {%- if not values -%} true
    {%- else -%}
    coalesce({{ column }} in (
        {%- for value in values %}
        {{ cleaned(text_literal(value)) }}
        {{- "," if not loop.last }}
        {%- endfor %}
    ), false)
    {%- endif -%}
{%- endmacro %}
