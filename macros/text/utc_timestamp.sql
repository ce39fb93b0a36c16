{# R8: an ISO 8601 date or date-time as a UTC timestamp; without an offset it
   is UTC, a date alone is midnight; null where it cannot be read. #}
{% macro utc_timestamp(trimmed_text) -%}
    {{ return(adapter.dispatch('utc_timestamp')(trimmed_text)) }}
{%- endmacro %}

{# The expression keeps out what the cast would read in a way of its own
   (epochs, 24:00, names of zones); years end at 9999, as ISO 8601's do. #}
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
