{# A seed's column has each of these values, and no others: also with --empty, whose
   limit of no rows render() leaves out. #}
{% test exactly(model, column_name, values) %}
with

expected as (
    {%- for value in values %}
    select '{{ value }}' as value_text
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

found as (
    select {{ column_name }} as value_text
    from {{ model.render() }}
),

missing as (
    select * from expected
    except
    select * from found
),

unexpected as (
    select * from found
    except
    select * from expected
)

select * from missing
union all
select * from unexpected
{% endtest %}
