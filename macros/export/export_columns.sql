{# The 28 columns of an exported row, in order. The values of the guarded ones
   are people's own words and are defused for spreadsheets in CSV. #}
{% macro export_columns() -%}
    {{ return([
        {'name': 'portal'},
        {'name': 'job_uuid'},
        {'name': 'job_name', 'is_guarded': true},
        {'name': 'subject_uuid'},
        {'name': 'external_id', 'is_guarded': true},
        {'name': 'first_name', 'is_guarded': true},
        {'name': 'last_name', 'is_guarded': true},
        {'name': 'parent_name', 'is_guarded': true},
        {'name': 'phone_number'},
        {'name': 'phone_number_2'},
        {'name': 'email'},
        {'name': 'email_2'},
        {'name': 'country', 'is_guarded': true},
        {'name': 'group', 'is_guarded': true, 'source': 'group_name'},
        {'name': 'buyer'},
        {'name': 'access_code'},
        {'name': 'url'},
        {'name': 'custom_gallery_url'},
        {'name': 'sms_marketing_consent'},
        {'name': 'sms_marketing_timestamp'},
        {'name': 'sms_transactional_consent'},
        {'name': 'sms_transactional_timestamp'},
        {'name': 'activity_uuid'},
        {'name': 'activity_name', 'is_guarded': true},
        {'name': 'registered_user'},
        {'name': 'registered_user_email'},
        {'name': 'registered_user_uuid'},
        {'name': 'resolution_strategy'},
    ]) }}
{%- endmacro %}
