{# Every key of one relation is also in another: no key gets lost. #}
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
