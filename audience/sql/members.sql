-- The members of a build with their fates. Texted are the exported ones of the
-- audiences that the build writes files for. One row per portal, job, activity
-- and subject.
select
    members.* replace (nullif(members.phone_number, '') as phone_number),
    case
        when not members.is_exported then members.exclusion_reason
        when build.variables ->> 'audience' in ('both', members.audience)
            then 'exported'
        else 'not_written'
    end as fate
from {{ build }}.marts.audience_members as members
cross join {{ build }}.run.build
