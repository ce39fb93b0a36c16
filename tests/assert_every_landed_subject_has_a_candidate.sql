-- R13: every subject on an order list of a job on sale has a candidate.
-- If this is false, people got lost on the way, and no report says why they got
-- no text.

with

landed as (
    select distinct
        portal,
        {{ trim_text('job_uuid') }} as job_uuid,
        {{ trim_text('subject_uuid') }} as subject_uuid
    from {{ source('landing', 'subjects') }}
    where listed_in in ('buyers', 'non_buyers')
),

jobs_on_sale as (
    select distinct
        portal,
        {{ trim_text('job_uuid') }} as job_uuid
    from {{ source('landing', 'activities') }}
),

members as (
    select * from {{ ref('audience_members') }}
)

select landed.*
from landed
semi join jobs_on_sale using (portal, job_uuid)
anti join members using (portal, job_uuid, subject_uuid)
