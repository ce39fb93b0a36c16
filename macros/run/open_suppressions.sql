{# R9: reads the suppression list that SUPPRESSIONS_CSV names into
   landing.suppressions, or makes it empty where none is named. A list that is
   missing or malformed stops the build: it would text those who said stop. #}
{% macro open_suppressions() -%}
    {%- if execute and reads_landing() -%}
        {{ return(adapter.dispatch('open_suppressions')()) }}
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__open_suppressions() -%}
    {%- set path = env_var('SUPPRESSIONS_CSV', '') -%}
    {%- do run_query('create schema if not exists landing') -%}
    {%- do run_query(
        'create or replace table landing.suppressions (row_n bigint,'
        ~ ' channel varchar, address varchar, suppressed_at varchar,'
        ~ ' reason varchar)'
    ) -%}
    {%- if path -%}
        {%- do load_suppressions(path) -%}
    {%- else -%}
        {%- do log(
            'No suppressions: SUPPRESSIONS_CSV is not set.', info=true
        ) -%}
    {%- endif -%}
{%- endmacro %}

{% macro load_suppressions(path) -%}
    {%- set header = 'channel,address,suppressed_at,reason' -%}
    {%- if not run_query('from glob(' ~ text_literal(path) ~ ')').rows -%}
        {%- do malformed_suppressions(path, 'no such file') -%}
    {%- endif -%}
    {%- set found = run_query(
        "select regexp_extract(content, '^\\x{feff}?([^\\r\\n]*)', 1) = '"
        ~ header ~ "' from read_text(" ~ text_literal(path) ~ ")"
    ).rows -%}
    {%- if not found[0][0] -%}
        {%- do malformed_suppressions(path, 'the header is not ' ~ header) -%}
    {%- endif -%}
    {%- do run_query(
        "insert into landing.suppressions"
        ~ " select row_number() over (), * from read_csv("
        ~ text_literal(path) ~ ", auto_detect = false, header = true,"
        ~ " delim = ',', quote = '\"', escape = '\"', null_padding = false,"
        ~ " columns = {channel: 'varchar', address: 'varchar',"
        ~ " suppressed_at: 'varchar', reason: 'varchar'},"
        ~ " store_rejects = true, rejects_table = 'suppression_rejects',"
        ~ " rejects_scan = 'suppression_scans')"
    ) -%}
    {%- do refuse_suppressions(path, 'cannot be split into four fields', "
        select distinct line from suppression_rejects
    ") -%}
    {%- do refuse_suppressions(path, 'channel is neither sms nor email', "
        select row_n + 1 from landing.suppressions
        where coalesce(" ~ suppression_channel() ~ " not in ('sms', 'email'), true)
    ") -%}
    {%- do refuse_suppressions(path, 'address is empty', "
        select row_n + 1 from landing.suppressions
        where " ~ trim_text('address') ~ " is null
    ") -%}
    {%- do refuse_suppressions(path, 'suppressed_at cannot be read', "
        select row_n + 1 from landing.suppressions
        where " ~ utc_timestamp(trim_text('suppressed_at')) ~ " is null
    ") -%}
    {%- set count = run_query('select count(*) from landing.suppressions').rows[0][0] -%}
    {%- do log('Suppressions read from ' ~ path ~ ': ' ~ count ~ '.', info=true) -%}
{%- endmacro %}

{% macro suppression_channel() -%}
    lower({{ trim_text('channel') }})
{%- endmacro %}

{# An error that names the lines at fault and nothing of what they hold. #}
{% macro refuse_suppressions(path, problem, lines_query) -%}
    {%- set lines = run_query(lines_query ~ ' order by 1').columns[0].values() -%}
    {%- if lines -%}
        {%- do malformed_suppressions(
            path,
            problem ~ ' in line ' ~ lines[:5] | join(', ')
            ~ (' and ' ~ (lines | length - 5) ~ ' more' if lines | length > 5 else '')
        ) -%}
    {%- endif -%}
{%- endmacro %}

{% macro malformed_suppressions(path, problem) -%}
    {%- do exceptions.raise_compiler_error(
        'SUPPRESSIONS_CSV ' ~ path ~ ': ' ~ problem ~ '.'
    ) -%}
{%- endmacro %}
