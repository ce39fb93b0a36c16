{# The `metadata` of an audience's JSON file, as JSON text. #}
{% macro audience_metadata(file) -%}
    {{ return(run_query(audience_metadata_query(file)).rows[0][0]) }}
{%- endmacro %}

{% macro audience_metadata_query(file) -%}
    with

    members as (
        select * from {{ built('audience_members') }}
        where
            portal = {{ text_literal(file.portal) }}
            and audience = '{{ file.audience }}'
    ),

    counts as (
        select
            coalesce(
                list(distinct job_uuid order by job_uuid), []
            ) as job_ids,
            count(distinct (job_uuid, subject_uuid)) as total_subjects,
            count(*) filter (where is_exported) as contacts
        from members
    ),

    reasons as (
        select
            exclusion_reason,
            count(*) as candidates
        from members
        where not is_exported
        group by exclusion_reason
    ),

    excluded as (
        select map_from_entries(coalesce(
            list((exclusion_reason, candidates) order by exclusion_reason), []
        )) as excluded
        from reasons
    )

    select to_json(struct_pack(
        portal := {{ text_literal(file.portal) }},
        audience := '{{ file.audience }}',
        load_id := load_id,
        job_ids := job_ids,
        filters_applied := cast(
            {{ text_literal(tojson(applied_filters(), sort_keys=true)) }} as json
        ),
        total_subjects := total_subjects,
        contacts := contacts,
        excluded := excluded,
        generated_at := {{ utc_text('as_of') }}
    ))
    from {{ built('int_run') }}
    cross join counts
    cross join excluded
{%- endmacro %}

{# The variables that decide who is in an audience (R11). #}
{% macro applied_filters() -%}
    {%- set filters = {} -%}
    {%- for name in variable_names()
        if name not in ['promote', 'export_formats', 'max_change'] -%}
        {%- do filters.update({name: var(name)}) -%}
    {%- endfor -%}
    {%- do filters.update({'as_of': as_of_text()}) -%}
    {{ return(filters) }}
{%- endmacro %}
