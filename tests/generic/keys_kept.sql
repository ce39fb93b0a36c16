{# Every key of one relation is also in another: no key gets lost. Distinct keys are
   asked for at the end, of those that are lost: that takes half the time. #}
{% test keys_kept(model, to, columns, condition="true") %}
with

expected as (
    select {{ columns | join(', ') }}
    from {{ model }}
    where {{ condition }}
)

select distinct expected.*
from expected
anti join {{ to }} using ({{ columns | join(', ') }})
{% endtest %}
