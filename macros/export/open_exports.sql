{# Prepares the export root for a build, and remembers what is promoted there:
   the run is promoted only if that is still so at its end. #}
{% macro open_exports() -%}
    {%- if execute and flags.WHICH in ['build', 'run', 'retry'] -%}
        {%- do run_query('select export_begin()') -%}
    {%- endif -%}
{%- endmacro %}
