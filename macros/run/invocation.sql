{# What only dbt knows of a build, as an SQL literal of JSON: ops.build.invocation
   says what it holds. #}
{% macro invocation(results=none) -%}
    {%- set contracts = [] if results is none else contract_ids() -%}
    {%- set selected = [] if results is none else selected_resources -%}
    {%- set outcomes = [] -%}
    {%- for result in results or [] -%}
        {%- do outcomes.append({
            'id': result.node.unique_id,
            'name': result.node.name,
            'kind': result.node.resource_type | string,
            'status': result.status | string,
            'failures': result.failures,
        }) -%}
    {%- endfor -%}
    {#- YAML, as JSON has no dates. -#}
    {%- set variables = {} -%}
    {%- for name in fromjson(called('build_variables()')) -%}
        {%- do variables.update({name: var(name)}) -%}
    {%- endfor -%}
    {{ return(text_literal(tojson({
        'run_id': run_id(),
        'command': flags.WHICH,
        'environment': target.name,
        'is_partial': (
            true if flags.EMPTY or invocation_args_dict.get('sample') else false
        ),
        'given': (invocation_args_dict.get('vars') or {}).keys() | list,
        'variables': toyaml(variables),
        'contracts': contracts,
        'selected': selected | list,
        'results': outcomes,
    }))) }}
{%- endmacro %}

{# Every model, seed, snapshot and test of the project. #}
{% macro contract_ids() -%}
    {%- set ids = graph.get('unit_tests', {}).keys() | list -%}
    {%- for node in graph.nodes.values()
        if node.resource_type in ['model', 'seed', 'snapshot', 'test'] -%}
        {%- do ids.append(node.unique_id) -%}
    {%- endfor -%}
    {{ return(ids) }}
{%- endmacro %}

{# One id for all that a build writes; ids sort by time. #}
{% macro run_id() -%}
    {{ return(
        run_started_at.strftime('%Y%m%dT%H%M%S%fZ') ~ '-' ~ invocation_id[:8]
    ) }}
{%- endmacro %}

{# The variable as_of as text, however YAML read it; empty: the load's time. #}
{% macro as_of_text() -%}
    {{ return((var('as_of') or '') | string | trim) }}
{%- endmacro %}

{# The answer of one of the functions of ops.plugin. #}
{% macro called(function_call) -%}
    {{ return(run_query('select ' ~ function_call).rows[0][0]) }}
{%- endmacro %}
