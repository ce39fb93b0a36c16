{# R8: the time a number of hours before another. #}
{% macro hours_before(timestamp, hours) -%}
    {{ return(adapter.dispatch('hours_before')(timestamp, hours)) }}
{%- endmacro %}

{% macro duckdb__hours_before(timestamp, hours) -%}
    {{ timestamp }} - to_hours({{ hours }})
{%- endmacro %}
