{# R1: the first non-empty value of a column among a subject's copies. For a
   query over copies with `copy_rank`, grouped by subject. #}
{% macro first_known(column) -%}
    min_by({{ column }}, copy_rank) filter (
            where {{ column }} is not null
        ) as {{ column }}
{%- endmacro %}
