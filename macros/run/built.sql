{# The relation of a model, for hooks, where dbt resolves no new ref(). Whatever
   runs the hook must come after that model. #}
{% macro built(model) -%}
    {{ return(graph.nodes['model.' ~ project_name ~ '.' ~ model].relation_name) }}
{%- endmacro %}
