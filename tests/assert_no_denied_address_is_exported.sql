-- R9: no exported phone or e-mail is on the routes of a subject of the portal
-- that denies marketing consent, unless an explicit marketing grant with its
-- own timestamp came after the denial. This reads the subjects' own fields, not
-- the models that leave addresses out.
-- If this is false, a parent who refused for one child is texted for another.

with

members as (
    select * from {{ ref('audience_members') }}
    where is_exported
),

routes as (
    select * from {{ ref('int_contact_routes') }}
),

consents as (
    select * from {{ ref('int_subject_consents') }}
),

run as (
    select * from {{ ref('int_run') }}
),

denied as (
    select
        routes.portal,
        routes.channel,
        routes.address,
        coalesce(consents.marketing_decided_at, run.as_of) as denied_at
    from routes
    inner join consents using (portal, job_uuid, subject_uuid)
    cross join run
    where consents.marketing_decision = 'deny'
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
inner join denied using (portal, channel, address)
inner join consents using (portal, job_uuid, subject_uuid)
where
    consents.marketing_decision is distinct from 'grant'
    or consents.marketing_decided_at is null
    or consents.marketing_decided_at <= denied.denied_at
