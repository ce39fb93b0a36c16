{# Every key of a relation is found in another: no key is lost between them. #}
{% test keys_kept(model, to, columns, condition="true") %}
with

expected as (
    select distinct {{ columns | join(', ') }}
    from {{ model }}
    where {{ condition }}
)

select expected.*
from expected
anti join {{ to }} using ({{ columns | join(', ') }})
{% endtest %}
