-- R4: no exported phone or e-mail is on the routes of more than
-- max_subjects_per_address subjects of one job.
-- If this is false, a school's office gets the texts of whole classes.

{% set most = var('max_subjects_per_address') -%}
with

members as (
    select * from {{ ref('audience_members') }}
    where is_exported
),

routes as (
    select * from {{ ref('int_contact_routes') }}
),

-- Only these need a count of subjects, which is slower.
frequent as (
    select
        portal,
        job_uuid,
        channel,
        address
    from routes
    where address is not null
    group by portal, job_uuid, channel, address
    having count(*) > {{ most }}
),

shared as (
    select
        portal,
        channel,
        address
    from routes
    semi join frequent using (portal, job_uuid, channel, address)
    group by portal, job_uuid, channel, address
    having count(distinct subject_uuid) > {{ most }}
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
inner join shared using (portal, channel, address)
where {{ most }} > 0
