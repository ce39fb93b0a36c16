-- R12: no (activity, subject) is exported twice in a portal.
-- If this is false, a parent gets the same text twice.

select
    portal,
    activity_uuid,
    subject_uuid
from {{ ref('audience_members') }}
where is_exported
group by portal, activity_uuid, subject_uuid
having count(*) > 1
