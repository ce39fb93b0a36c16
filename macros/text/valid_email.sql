{# R6: the trimmed text in lower case if it is an e-mail, else null. #}
{% macro valid_email(trimmed_text) -%}
    {{ return(adapter.dispatch('valid_email')(trimmed_text)) }}
{%- endmacro %}

{# DuckDB's \s is ASCII only: \p{Z} and these control characters are Unicode's
   white space. lower() drops the dot of İ. #}
{% macro duckdb__valid_email(trimmed_text) -%}
    {%- set part = '[^@\\p{Z}\\x{09}-\\x{0d}\\x{1c}-\\x{1f}\\x{85}]+' -%}
    case
        when regexp_full_match(
            {{ trimmed_text }}, '{{ part }}@{{ part }}\.{{ part }}'
        ) then lower(replace({{ trimmed_text }}, 'İ', 'i̇'))
    end
{%- endmacro %}
