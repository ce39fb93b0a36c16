-- R11, R13: every exported member has what the contact filter asks for, a
-- gallery key and an activity on sale.
-- If this is false, a text reaches no one, or leads to a gallery that is shut.

{% set filter = var('contact_filter') -%}
select
    portal,
    job_uuid,
    activity_uuid,
    subject_uuid
from {{ ref('audience_members') }}
where
    is_exported
    and (
        access_code is null
        or custom_gallery_url is null
        or activity_uuid = ''
        or resolution_strategy is null
        or coalesce(
            {%- if filter == 'phone' %} phone_number
            {%- elif filter == 'email' %} email
            {%- else %} phone_number, email
            {%- endif %}
        ) is null
    )
