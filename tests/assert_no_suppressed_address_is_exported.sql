-- R9: no exported phone or e-mail is suppressed, unless an explicit marketing
-- grant with its own timestamp came after the suppression. This reads the
-- subjects' own fields, not the models that leave addresses out.
-- If this is false, a person who said stop gets a text.

with

members as (
    select * from {{ ref('audience_members') }}
    where is_exported
),

consents as (
    select * from {{ ref('int_subject_consents') }}
),

suppressions as (
    select * from {{ ref('int_suppressions') }}
),

exported as (
    {%- for column, channel in [
        ('phone_number', 'sms'), ('phone_number_2', 'sms'),
        ('email', 'email'), ('email_2', 'email'),
        ('registered_user_email', 'email'),
    ] %}
    select
        portal,
        job_uuid,
        subject_uuid,
        '{{ channel }}' as channel,
        {{ column }} as address
    from members
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select
    exported.portal,
    exported.job_uuid,
    exported.subject_uuid
from exported
inner join suppressions using (portal, channel, address)
inner join consents using (portal, job_uuid, subject_uuid)
where
    consents.marketing_decision is distinct from 'grant'
    or consents.marketing_decided_at is null
    or consents.marketing_decided_at <= suppressions.suppressed_at
