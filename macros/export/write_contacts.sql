{# Post-hook of export_contacts: writes each portal's audiences, in each format
   asked for. #}
{% macro write_contacts() -%}
    {%- if execute -%}
        {%- set columns = exported_columns() | reject('equalto', 'audience') | list -%}
        {%- for file in fromjson(called('build_files(' ~ invocation() ~ ')'))
            if file.audience -%}
            {%- set rows = (
                this ~ ' where portal = ' ~ text_literal(file.portal)
                ~ ' and audience = ' ~ text_literal(file.audience)
            ) -%}
            {%- if file.format == 'csv' -%}
                {%- do write_csv(file.path, rows, columns) -%}
            {%- else -%}
                {%- do write_json(file, rows, columns) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{# Post-hook of export_exclusions: one file a run. #}
{% macro write_exclusions() -%}
    {%- if execute -%}
        {%- do write_csv('exclusions.csv', this, exported_columns()) -%}
    {%- endif -%}
{%- endmacro %}

{# Post-hook of export_evidence: one file a run. #}
{% macro write_evidence() -%}
    {%- if execute -%}
        {%- do write_csv('evidence.csv', this, exported_columns()) -%}
    {%- endif -%}
{%- endmacro %}

{# Post-hook of export_suppressions. Nothing is guarded: a phone must keep its +,
   and no e-mail of R6 begins a formula. #}
{% macro write_suppressions() -%}
    {%- if execute -%}
        {%- do write_file(
            'suppressions.csv',
            'select * from ' ~ this ~ ' order by channel, address',
            this,
            '(format csv, header true)'
        ) -%}
    {%- endif -%}
{%- endmacro %}

{# The columns of the model at hand, in order. #}
{% macro exported_columns() -%}
    {{ return(adapter.get_columns_in_relation(this) | map(attribute='name') | list) }}
{%- endmacro %}

{# Sorted by the rows' own values: an empty activity comes first. #}
{% macro write_csv(path, rows, columns) -%}
    {%- set select -%}
        select
            {%- for column in columns %}
            {{ csv_value(column) }} as {{ adapter.quote(column) }}
            {{- "," if not loop.last }}
            {%- endfor %}
        from (from {{ rows }}) as exported
        order by
            exported.portal, exported.job_uuid, exported.activity_uuid,
            exported.subject_uuid
    {%- endset -%}
    {%- do write_file(path, select, rows, '(format csv, header true)') -%}
{%- endmacro %}

{# An empty text is written as nothing at all, not as two quotes. A value that a
   spreadsheet would run as a formula gets an apostrophe; phones, which begin
   with +, stay as they are. #}
{% macro csv_value(column) -%}
    {%- set value = adapter.quote(column) -%}
    {%- if column in ['phone_number', 'phone_number_2'] -%}
        nullif({{ value }}, '')
    {%- else -%}
        case when left({{ value }}, 1) in ('=', '+', '-', '@')
        then '''' || {{ value }} else nullif({{ value }}, '') end
    {%- endif -%}
{%- endmacro %}

{# Rows are streamed as lines of a CSV that has neither header nor quotes, with
   a delimiter that JSON escapes: a list of all rows would not fit in memory. #}
{% macro write_json(file, rows, columns) -%}
    {%- set metadata = called(
        'build_metadata(' ~ invocation() ~ ', ' ~ text_literal(file.portal)
        ~ ', ' ~ text_literal(file.audience) ~ ')'
    ) -%}
    {%- set select -%}
        select to_json(struct_pack(
            {%- for column in columns %}
            {{ adapter.quote(column) }} := {{ adapter.quote(column) }}
            {{- "," if not loop.last }}
            {%- endfor %}
        )) from {{ rows }}
        order by job_uuid, activity_uuid, subject_uuid
    {%- endset -%}
    {%- set options -%}
        (format csv, header false, quote '', escape '', delimiter '\x01',
        prefix '{"contacts":[', new_line ',',
        suffix {{ text_literal('],"metadata":' ~ metadata ~ '}') }})
    {%- endset -%}
    {%- do write_file(file.path, select, rows, options) -%}
{%- endmacro %}

{% macro write_file(path, select, rows, options) -%}
    {%- set file = text_literal(run_id()) ~ ', ' ~ text_literal(path) -%}
    {%- set staging = called('export_staging_path(' ~ file ~ ')') -%}
    {%- do run_query(
        'copy (' ~ select ~ ') to ' ~ text_literal(staging) ~ ' ' ~ options
    ) -%}
    {%- set count = run_query('select count(*) from ' ~ rows).rows[0][0] -%}
    {%- do called('export_write(' ~ file ~ ", '" ~ count ~ "')") -%}
{%- endmacro %}
