{# The columns are a key: no two rows share it, and none of it is null. Rows of one
   key have one hash, so only rows that share a hash are grouped by the columns
   themselves: that takes half the time. #}
{% test unique_key(model, columns) %}
{%- set key = columns | join(', ') %}
{%- set is_null = columns | join(' is null or ') ~ ' is null' %}
with

suspects as (
    select hash({{ key }}) as key_hash
    from {{ model }}
    group by key_hash
    having count(*) > 1
)

select
    {{ key }},
    count(*) as row_count
from {{ model }}
where
    hash({{ key }}) in (select key_hash from suspects)
    or {{ is_null }}
group by {{ key }}
having
    count(*) > 1
    or {{ is_null }}
{% endtest %}
