{# R6: the trimmed text in lower case if it is an e-mail, else null. #}
{% macro valid_email(trimmed_text) -%}
    {{ return(adapter.dispatch('valid_email')(trimmed_text)) }}
{%- endmacro %}

{# The expression matches before the case changes, and only ASCII: lower() turns
   other letters, such as the Kelvin sign, into ASCII ones. #}
{% macro duckdb__valid_email(trimmed_text) -%}
    {%- set local = "[A-Za-z0-9_][A-Za-z0-9.!#$%&''*+/=?^_{|}~-]*" -%}
    {%- set labels = '([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?[.])+' -%}
    {%- set top = '[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])' -%}
    case
        when
            length({{ trimmed_text }}) <= 254
            and regexp_full_match(
                {{ trimmed_text }}, '{{ local }}@{{ labels }}{{ top }}'
            )
            then lower({{ trimmed_text }})
    end
{%- endmacro %}
