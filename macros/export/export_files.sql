{# The files of a run: a portal's audience in each format asked for, and the
   exclusions. `portal` and `audience` are none for the latter. #}
{% macro export_files() -%}
    {%- set files = [{'path': 'exclusions.csv', 'format': 'csv'}] -%}
    {%- for portal in exported_portals() -%}
        {%- for audience in exported_audiences() -%}
            {%- for format in var('export_formats') -%}
                {%- do files.append({
                    'path': portal ~ '/' ~ audience ~ '.' ~ format,
                    'portal': portal,
                    'audience': audience,
                    'format': format,
                }) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(files) }}
{%- endmacro %}

{% macro exported_portals() -%}
    {{ return(run_query(
        'select distinct portal from ' ~ built('audience_summary')
        ~ ' where ' ~ passes_filter('portal', 'portals') ~ ' order by portal'
    ).columns[0].values() | list) }}
{%- endmacro %}

{% macro exported_audiences() -%}
    {{ return(
        ['buyers', 'non_buyers'] if var('audience') == 'both'
        else [var('audience')]
    ) }}
{%- endmacro %}

{# One id for all that a build writes; ids sort by time. #}
{% macro run_id() -%}
    {{ return(
        run_started_at.strftime('%Y%m%dT%H%M%S%fZ') ~ '-' ~ invocation_id[:8]
    ) }}
{%- endmacro %}
