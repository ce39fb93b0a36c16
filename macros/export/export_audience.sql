{# Post-hook of an export model: writes its rows to the run's files. #}
{% macro export_audience(audience) -%}
    {%- if execute -%}
        {%- for file in export_files() if file.audience == audience -%}
            {%- set rows = this ~ ' where portal = ' ~ text_literal(file.portal) -%}
            {%- if file.format == 'csv' -%}
                {%- do write_csv(file.path, csv_select(rows, export_columns()), rows) -%}
            {%- else -%}
                {%- do write_json(file, rows) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{# Post-hook of the exclusions: one file a run. #}
{% macro export_exclusions() -%}
    {%- if execute -%}
        {%- set columns = [
            {'name': 'portal'}, {'name': 'job_uuid'},
            {'name': 'activity_uuid'}, {'name': 'subject_uuid'},
            {'name': 'buyer'}, {'name': 'reason'},
        ] -%}
        {%- do write_csv('exclusions.csv', csv_select(this, columns), this) -%}
    {%- endif -%}
{%- endmacro %}

{# Sorted by the rows' own values: an empty activity comes first. #}
{% macro csv_select(rows, columns) -%}
    select
        {%- for column in columns %}
        {{ csv_value(column) }} as {{ adapter.quote(column.name) }}
        {{- "," if not loop.last }}
        {%- endfor %}
    from (from {{ rows }}) as exported
    order by
        exported.portal, exported.job_uuid, exported.activity_uuid,
        exported.subject_uuid
{%- endmacro %}

{# An empty text is written as nothing at all, not as two quotes; and what a
   spreadsheet would run as a formula begins with an apostrophe. #}
{% macro csv_value(column) -%}
    {%- set value = adapter.quote(column.name) -%}
    {%- if column.is_guarded -%}
        case when left({{ value }}, 1) in ('=', '+', '-', '@')
        then '''' || {{ value }} else nullif({{ value }}, '') end
    {%- else -%}
        nullif({{ value }}, '')
    {%- endif -%}
{%- endmacro %}

{% macro write_csv(path, select, rows) -%}
    {%- do write_file(path, select, rows, '(format csv, header true)') -%}
{%- endmacro %}

{# Rows are streamed as lines of a CSV that has neither header nor quotes, with
   a delimiter that JSON escapes: a list of all rows would not fit in memory. #}
{% macro write_json(file, rows) -%}
    {%- set select -%}
        select to_json(struct_pack(
            {%- for column in export_columns() %}
            {{ adapter.quote(column.name) }} := {{ adapter.quote(column.name) }}
            {{- "," if not loop.last }}
            {%- endfor %}
        )) from {{ rows }}
        order by job_uuid, activity_uuid, subject_uuid
    {%- endset -%}
    {%- set options -%}
        (format csv, header false, quote '', escape '', delimiter '\x01',
        prefix '{"contacts":[', new_line ',',
        suffix {{ text_literal('],"metadata":' ~ audience_metadata(file) ~ '}') }})
    {%- endset -%}
    {%- do write_file(file.path, select, rows, options) -%}
{%- endmacro %}

{% macro write_file(path, select, rows, options) -%}
    {%- set file = text_literal(run_id()) ~ ', ' ~ text_literal(path) -%}
    {%- set staging = run_query(
        'select export_staging_path(' ~ file ~ ')'
    ).rows[0][0] -%}
    {%- do run_query(
        'copy (' ~ select ~ ') to ' ~ text_literal(staging) ~ ' ' ~ options
    ) -%}
    {%- set count = run_query('select count(*) from ' ~ rows).rows[0][0] -%}
    {%- do run_query('select export_write(' ~ file ~ ", '" ~ count ~ "')") -%}
{%- endmacro %}
