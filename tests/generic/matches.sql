{# Every value is null, or all of it matches a regular expression. #}
{% test matches(model, column_name, pattern) %}
select count(*) as failures
from {{ model }}
where not regexp_full_match({{ column_name }}, '{{ pattern }}')
having count(*) > 0
{% endtest %}
