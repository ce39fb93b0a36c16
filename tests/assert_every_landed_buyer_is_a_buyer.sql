-- R2: the buyers in the marts are exactly the subjects on the buyers lists.
-- If this is false, buyers are reminded to buy, or others are thanked.

with

landed_buyers as (
    select distinct
        portal,
        {{ trim_text('job_uuid') }} as job_uuid,
        {{ trim_text('subject_uuid') }} as subject_uuid,
        true as is_on_buyers_list
    from {{ source('landing', 'subjects') }}
    where listed_in = 'buyers'
),

members as (
    select * from {{ ref('audience_members') }}
)

select
    members.portal,
    members.job_uuid,
    members.subject_uuid
from members
left join landed_buyers using (portal, job_uuid, subject_uuid)
where
    (members.buyer = 'Yes')
    != coalesce(landed_buyers.is_on_buyers_list, false)
    or (members.audience = 'buyers')
    != coalesce(landed_buyers.is_on_buyers_list, false)
