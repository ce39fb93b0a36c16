{# R7 for uuids, keys, phones, e-mails and dates: trims white space and control
   characters at both ends; null if empty. #}
{% macro trim_text(text) -%}
    {{ return(adapter.dispatch('trim_text')(text)) }}
{%- endmacro %}

{% macro duckdb__trim_text(text) -%}
    nullif(regexp_replace(
        {{ text }}, '^[\p{Cc}\p{Z}]+|[\p{Cc}\p{Z}]+$', '', 'g'
    ), '')
{%- endmacro %}
