{# R8: A to Z in lower case and no other letter: lower() folds İ to an i. #}
{% macro ascii_lower(text) -%}
    translate(
        {{ text }}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'
    )
{%- endmacro %}
