{# R7: one line of NFC text without control characters; null if empty. #}
{% macro clean_text(text) -%}
    {{ return(adapter.dispatch('clean_text')(text)) }}
{%- endmacro %}

{# Control characters go first, because nfc_normalize() stops at a NUL. #}
{% macro duckdb__clean_text(text) -%}
    nullif(trim(nfc_normalize(
        regexp_replace({{ text }}, '[\p{Cc}\p{Z}]+', ' ', 'g')
    )), '')
{%- endmacro %}
