{# Ends a build: writes the manifest and promotes the run where the invocation
   was a whole build in which everything passed; else says why not. #}
{% macro finish_run(results) -%}
    {%- if execute and flags.WHICH in ['build', 'run', 'retry'] -%}
        {%- set obstacle = promotion_obstacle(results) -%}
        {%- if obstacle -%}
            {%- do log('Run ' ~ run_id() ~ ' is not promoted: ' ~ obstacle ~ '.', info=true) -%}
            {%- if flags.WHICH == 'build' and is_whole(selected_resources) -%}
                select export_report(
                    {{ text_literal(tojson(report_facts(results, obstacle))) }}
                )
            {%- endif -%}
        {%- else -%}
            {%- do log(
                'Run ' ~ run_id() ~ ' has passed every contract: auditing '
                ~ ('and promoting it.' if var('promote')
                   else 'it; it is not promoted (promote is false).'),
                info=true
            ) -%}
            {#- As the hook's own statement: where it fails, dbt says why. -#}
            select export_finish(
                {{ text_literal(tojson(run_facts())) }},
                {{ text_literal(tojson(report_facts(results, ''))) }}
            )
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Whether nothing of the project was left out by a selection: an analyst's build
   of a few models is no run to report on. #}
{% macro is_whole(selected) -%}
    {%- set left_out = contract_ids() | reject('in', selected) | list -%}
    {{ return(not left_out) }}
{%- endmacro %}

{# What the report says of the build: no numbers, which it reads from the tables. #}
{% macro report_facts(results, obstacle) -%}
    {%- set facts = [] -%}
    {%- for result in results -%}
        {%- do facts.append({
            'name': result.node.name,
            'kind': result.node.resource_type | string,
            'status': result.status | string,
            'failures': result.failures,
        }) -%}
    {%- endfor -%}
    {%- set variables = applied_filters() -%}
    {%- do variables.update({
        'export_formats': var('export_formats'),
        'max_change': var('max_change'),
        'promote': var('promote'),
    }) -%}
    {{ return({
        'run_id': run_id(),
        'load_id': run_query('select load_id from landing.loads').rows[0][0],
        'code_version': code_version(),
        'obstacle': obstacle,
        'variables': variables,
        'results': facts,
        'left_out': contract_ids() | reject(
            'in', results | map(attribute='node.unique_id') | list
        ) | list | length,
    }) }}
{%- endmacro %}

{# What stands against a promotion; empty where nothing does. Every node of the
   project must have a result of this invocation, and a good one: so no
   selection, no retry and no warning can promote what was not checked. #}
{% macro promotion_obstacle(results) -%}
    {%- set good = ['success', 'pass'] -%}
    {%- set results_by_id = {} -%}
    {%- set bad = [] -%}
    {%- for result in results -%}
        {%- do results_by_id.update({result.node.unique_id: result.status | string}) -%}
        {%- if result.status | string not in good -%}
            {%- do bad.append(result.node.name ~ ' (' ~ result.status ~ ')') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set missing = [] -%}
    {%- for unique_id in contract_ids() if unique_id not in results_by_id -%}
        {%- do missing.append(unique_id) -%}
    {%- endfor -%}
    {%- if flags.WHICH != 'build' -%}
        {{ return('only `dbt build` checks every contract, and this was dbt ' ~ flags.WHICH) }}
    {%- elif bad -%}
        {{ return(bad | length ~ ' did not pass: ' ~ bad[:5] | join(', ')
                  ~ (' and more' if bad | length > 5 else '')) }}
    {%- elif flags.EMPTY or invocation_args_dict.get('sample') -%}
        {{ return('it was built from a part of the rows (--empty or --sample)') }}
    {%- elif missing -%}
        {{ return(missing | length ~ ' of ' ~ contract_ids() | length
                  ~ ' models, seeds and tests were left out') }}
    {%- endif -%}
    {{ return('') }}
{%- endmacro %}

{# Every model, seed and test of the project. #}
{% macro contract_ids() -%}
    {%- set ids = [] -%}
    {%- for node in graph.nodes.values()
        if node.resource_type in ['model', 'seed', 'snapshot', 'test'] -%}
        {%- do ids.append(node.unique_id) -%}
    {%- endfor -%}
    {{ return(ids + graph.get('unit_tests', {}).keys() | list) }}
{%- endmacro %}

{# What the manifest says of the run, and which files it must have. #}
{% macro run_facts() -%}
    {%- set run = run_query(
        'select load_id, ' ~ utc_text('as_of') ~ ' from ' ~ built('int_run')
    ).rows[0] -%}
    {%- set variables = applied_filters() -%}
    {%- do variables.update({
        'export_formats': var('export_formats'),
        'max_change': var('max_change'),
    }) -%}
    {{ return({
        'run_id': run_id(),
        'load_id': run[0],
        'as_of': run[1],
        'code_version': code_version(),
        'variables': variables,
        'files': counted_files(),
        'counts': audience_counts(),
        'promote': var('promote'),
    }) }}
{%- endmacro %}

{% macro code_version() -%}
    {{ return(run_query('select export_code_version()').rows[0][0]) }}
{%- endmacro %}

{% macro counted_files() -%}
    {%- set files = [] -%}
    {%- for file in export_files() -%}
        {%- set rows = (
            built('export_' ~ file.audience) ~ ' where portal = '
            ~ text_literal(file.portal)
        ) if file.audience else built('export_exclusions') -%}
        {%- do files.append(dict(
            file, rows=run_query('select count(*) from ' ~ rows).rows[0][0] | int
        )) -%}
    {%- endfor -%}
    {{ return(files) }}
{%- endmacro %}

{% macro audience_counts() -%}
    {%- set counts = {} -%}
    {%- for row in run_query(
        'select portal, audience, fate, candidates from ' ~ built('audience_summary')
        ~ ' order by portal, audience, fate'
    ).rows -%}
        {%- set count = counts.setdefault(row[0] ~ '/' ~ row[1], {
            'portal': row[0], 'audience': row[1],
            'candidates': 0, 'exported': 0, 'excluded': {},
        }) -%}
        {%- do count.update({'candidates': count.candidates + row[3] | int}) -%}
        {%- if row[2] == 'exported' -%}
            {%- do count.update({'exported': row[3] | int}) -%}
        {%- else -%}
            {%- do count.excluded.update({row[2]: row[3] | int}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(counts.values() | list) }}
{%- endmacro %}
