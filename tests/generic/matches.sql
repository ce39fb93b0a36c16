{# Every value that is not null matches a regular expression as a whole. #}
{% test matches(model, column_name, pattern) %}
select count(*) as failures
from {{ model }}
where not regexp_full_match({{ column_name }}, '{{ pattern }}')
having count(*) > 0
{% endtest %}
