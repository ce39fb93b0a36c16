{# The query of an export model: an audience's exported members as text, empty
   where there is no value. #}
{% macro export_rows(audience) -%}
with

members as (
    select * from {{ ref('audience_members') }}
),

exported as (
    select
        {%- for column in export_columns() %}
        coalesce({{ column.source or column.name }}, '')
            as {{ adapter.quote(column.name) }}{{ "," if not loop.last }}
        {%- endfor %}
    from members
    where
        is_exported
        and audience = '{{ audience }}'
)

select * from exported
{%- endmacro %}
