{# R11: stops a build whose variables are misspelt or hold what they may not;
   dbt itself takes any. All mistakes are named in one error. #}
{% macro check_variables() -%}
    {%- if execute and reads_landing() -%}
        {%- set mistakes = (
            unknown_variables() + wrong_choices() + wrong_lists() + wrong_types()
        ) -%}
        {%- if mistakes -%}
            {%- do exceptions.raise_compiler_error(mistakes | join('; ')) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# The variables that take one of a few words. #}
{% macro variable_choices() -%}
    {{ return({
        'contact_filter': ['phone', 'email', 'any'],
        'audience': ['both', 'buyers', 'non_buyers'],
        'dedup_by': ['activity_subject', 'phone_job', 'phone'],
        'buyers_get_no_reminder': ['never', 'job', 'portal'],
    }) }}
{%- endmacro %}

{# The variables that take a list, with what may stand in it (none: any). #}
{% macro variable_lists() -%}
    {{ return({
        'portals': run_query(
            "select portal from read_csv('seeds/portals.csv', header = true,"
            ~ " all_varchar = true) order by portal"
        ).columns[0].values() | list,
        'job_uuids': run_query(
            'select distinct ' ~ trim_text('job_uuid')
            ~ ' from landing.jobs order by 1'
        ).columns[0].values() | list,
        'groups': none,
        'export_formats': ['csv', 'json'],
        'contact_routes': [
            'registered_user', 'delivery_1', 'delivery_2', 'subject', 'subject_2',
        ],
    }) }}
{%- endmacro %}

{% macro variable_names() -%}
    {{ return((
        variable_choices().keys() | list
        + ['portals', 'job_uuids', 'groups', 'export_formats', 'as_of',
           'require_images', 'registered_only', 'promote',
           'consent_max_age_days', 'max_change', 'contact_routes',
           'max_subjects_per_address']
    ) | sort) }}
{%- endmacro %}

{% macro unknown_variables() -%}
    {%- set unknown = [] -%}
    {%- for name in (invocation_args_dict.get('vars') or {}).keys() -%}
        {%- if name not in variable_names() -%}
            {%- do unknown.append(
                'unknown variable ' ~ name ~ ' (allowed: '
                ~ variable_names() | join(', ') ~ ')'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(unknown) }}
{%- endmacro %}

{% macro wrong_choices() -%}
    {%- set wrong = [] -%}
    {%- for name, allowed in variable_choices().items() -%}
        {%- if var(name) not in allowed -%}
            {%- do wrong.append(
                name ~ ' cannot be ' ~ var(name) ~ ' (allowed: '
                ~ allowed | join(', ') ~ ')'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(wrong) }}
{%- endmacro %}

{% macro wrong_lists() -%}
    {%- set wrong = [] -%}
    {%- for name, allowed in variable_lists().items() -%}
        {%- set values = var(name) -%}
        {%- if values is string or values is mapping or values is not iterable -%}
            {%- do wrong.append(name ~ ' must be a list, such as [a, b]') -%}
        {%- elif allowed is not none -%}
            {%- for value in values if value not in allowed -%}
                {%- do wrong.append(
                    name ~ ' cannot hold ' ~ value ~ ' (allowed: '
                    ~ allowed[:20] | join(', ')
                    ~ (', and ' ~ (allowed | length - 20) ~ ' more'
                       if allowed | length > 20 else '') ~ ')'
                ) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if not wrong and not var('export_formats') -%}
        {%- do wrong.append('export_formats must not be empty (allowed: csv, json)') -%}
    {%- endif -%}
    {%- set routes = var('contact_routes') -%}
    {%- if not wrong and not routes -%}
        {%- do wrong.append(
            'contact_routes must not be empty (allowed: '
            ~ variable_lists()['contact_routes'] | join(', ') ~ ')'
        ) -%}
    {%- elif not wrong and routes | unique | list | length != routes | length -%}
        {%- do wrong.append('contact_routes must not name a route twice') -%}
    {%- endif -%}
    {{ return(wrong) }}
{%- endmacro %}

{% macro wrong_types() -%}
    {%- set wrong = [] -%}
    {%- for name in ['require_images', 'registered_only', 'promote'] -%}
        {%- if var(name) is not boolean -%}
            {%- do wrong.append(name ~ ' must be true or false') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set days = var('consent_max_age_days') -%}
    {%- if days is boolean or days is not integer or days < 0 or days > 36500 -%}
        {%- do wrong.append(
            'consent_max_age_days must be a whole number from 0 to 36500'
        ) -%}
    {%- endif -%}
    {%- set most = var('max_subjects_per_address') -%}
    {%- if most is boolean or most is not integer or most < 0 -%}
        {%- do wrong.append(
            'max_subjects_per_address must be a whole number, 0 or more'
        ) -%}
    {%- endif -%}
    {%- set limit = var('max_change') -%}
    {%- if limit is not false
        and (limit is boolean or limit is not number or not 0 <= limit <= 1000) -%}
        {%- do wrong.append('max_change must be a number from 0 to 1000, or false') -%}
    {%- endif -%}
    {%- if as_of_text() and not run_query(
        'select ' ~ utc_timestamp(text_literal(as_of_text()))
    ).rows[0][0] -%}
        {%- do wrong.append(
            'as_of must be an ISO 8601 date or date-time, such as'
            ~ ' 2026-01-31T00:00:00Z'
        ) -%}
    {%- endif -%}
    {{ return(wrong) }}
{%- endmacro %}

{# The variable as_of as text, however YAML read it; empty: the load's. #}
{% macro as_of_text() -%}
    {{ return((var('as_of') or '') | string | trim) }}
{%- endmacro %}
