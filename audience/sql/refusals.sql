-- The candidates that head texts although base held them back for a guarded
-- reason (`is_guarded`). Base's reasons count even behind another reason, and
-- for another activity of the subject if base lacks the candidate; so does
-- every address that base suppressed and head exports. A row counts under the
-- first of its reasons. One row per portal and reason.
with

entering as (
    select *
    from pairs
    where is_texted_by_head and not is_texted_by_base
),

base_reasons as (
    select reasons.*
    from base.intermediate.int_candidate_reasons as reasons
    semi join fates
        on reasons.exclusion_reason = fates.fate and fates.is_guarded
),

suppressed_routes as (
    select * from base.intermediate.int_route_suppressions
    where is_suppressed
),

held_back as (
    select
        entering.*,
        entering.base_fate as reason
    from entering

    union all

    select
        entering.*,
        base_reasons.exclusion_reason as reason
    from entering
    inner join base_reasons
        using (portal, job_uuid, activity_uuid, subject_uuid)

    union all

    select
        entering.*,
        base_reasons.exclusion_reason as reason
    from entering
    inner join base_reasons using (portal, job_uuid, subject_uuid)
    where entering.base_fate = 'no_candidate'

    union all

    select
        pairs.*,
        'suppressed' as reason
    from suppressed_routes
    inner join head_members using (portal, job_uuid, subject_uuid)
    inner join pairs using (portal, job_uuid, activity_uuid, subject_uuid)
    where
        pairs.is_texted_by_head
        and (
            suppressed_routes.channel = 'sms'
            and suppressed_routes.address
            in (head_members.phone_number, head_members.phone_number_2)
            or suppressed_routes.channel = 'email'
            and suppressed_routes.address
            in (head_members.email, head_members.email_2)
        )
),

ranked as (
    select
        held_back.portal,
        held_back.head_phone,
        held_back.reason,
        row_number() over (
            partition by
                held_back.portal,
                held_back.job_uuid,
                held_back.activity_uuid,
                held_back.subject_uuid
            order by fates.precedence
        ) as place
    from held_back
    inner join fates on held_back.reason = fates.fate
    where fates.is_guarded
)

select
    portal,
    reason,
    count(*) as candidates,
    count(distinct head_phone) as phones
from ranked
where place = 1
group by portal, reason
order by portal, reason
