{# R8: an ISO 8601 date or date-time as a UTC timestamp; null if unreadable.
   Without an offset it is UTC, and a date alone is midnight. #}
{% macro utc_timestamp(trimmed_text) -%}
    {{ return(adapter.dispatch('utc_timestamp')(trimmed_text)) }}
{%- endmacro %}

{# The expression rejects what only the cast would accept: epochs, 24:00, names
   of time zones. An offset must not move a time out of the years 1000 to 9999. #}
{% macro duckdb__utc_timestamp(trimmed_text) -%}
    {%- set date = '[1-9]\\d{3}-\\d{2}-\\d{2}' -%}
    {%- set time = '([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d(\\.\\d{1,9})?)?' -%}
    {%- set offset = '([Zz]|[+-](0\\d|1[0-5])(:?[0-5]\\d)?)?' -%}
    case
        when regexp_full_match(
            {{ trimmed_text }}, '{{ date }}([T ]{{ time }}{{ offset }})?'
        ) then {{ in_four_digit_years(
            "cast(try_cast(upper(" ~ trimmed_text ~ ") as timestamptz)"
            ~ " as timestamp)"
        ) }}
    end
{%- endmacro %}

{% macro in_four_digit_years(timestamp) -%}
    case
        when year({{ timestamp }}) between 1000 and 9999 then {{ timestamp }}
    end
{%- endmacro %}
