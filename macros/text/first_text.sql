{# R10: the first text of a list that is not empty when trimmed, trimmed. #}
{% macro first_text(texts) -%}
    {{ return(adapter.dispatch('first_text')(texts)) }}
{%- endmacro %}

{% macro duckdb__first_text(texts) -%}
    list_filter(
        list_transform({{ texts }}, lambda element: {{ trim_text('element') }}),
        lambda element: element is not null
    )[1]
{%- endmacro %}
