{# The columns of every landing file that the models read, with their types:
   the landing contract as the models hold it. #}
{% macro landing_columns() -%}
    {%- set text = 'varchar' -%}
    {%- set delivery = 'struct(name varchar, email_address varchar, mobile_phone varchar)' -%}
    {{ return({
        'activities': {
            'activity_uuid': text, 'name': text, 'starting': text,
            'job_uuid': text, 'job_name': text, 'position': 'bigint',
            'payload': text, 'fetched_at': 'timestamptz',
        },
        'jobs': {
            'job_uuid': text, 'name': text, 'is_gone': 'boolean',
            'payload': text, 'fetched_at': 'timestamptz',
        },
        'images': {
            'job_uuid': text, 'image_uuid': text, 'activity_uuid': text,
            'position': 'bigint', 'payload': text, 'fetched_at': 'timestamptz',
        },
        'subjects': {
            'job_uuid': text, 'subject_uuid': text, 'listed_in': text,
            'position': 'bigint', 'external_id': text, 'first_name': text,
            'last_name': text, 'name': text, 'group_name': text,
            'country': text, 'parent_name': text, 'delivery_1': delivery,
            'delivery_2': delivery, 'phone_number': text,
            'phone_number_2': text, 'email': text, 'email_2': text,
            'sms_marketing_consent': text, 'sms_marketing_timestamp': text,
            'sms_transactional_consent': text,
            'sms_transactional_timestamp': text, 'activity_uuid': text,
            'activity': text, 'image_uuids': 'varchar[]', 'payload': text,
            'fetched_at': 'timestamptz',
        },
        'registrations': {
            'job_uuid': text, 'subject_uuid': text, 'user_uuid': text,
            'email': text, 'position': 'bigint', 'payload': text,
            'fetched_at': 'timestamptz',
        },
        'users': {
            'user_uuid': text, 'name': text, 'email_address': text,
            'phone_number': text, 'is_gone': 'boolean', 'payload': text,
            'fetched_at': 'timestamptz',
        },
        'access_keys': {
            'job_uuid': text, 'subject_uuid': text,
            'access_keys': 'varchar[]', 'payload': text,
            'fetched_at': 'timestamptz',
        },
    }) }}
{%- endmacro %}
