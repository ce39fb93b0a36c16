{# R1: the first value of a column among the copies of a subject that have
   one. For a query grouped by subject over rows with `copy_rank`. #}
{% macro first_known(column) -%}
    min_by({{ column }}, copy_rank) filter (
            where {{ column }} is not null
        ) as {{ column }}
{%- endmacro %}
