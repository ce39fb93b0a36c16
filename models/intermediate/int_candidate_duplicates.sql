with

addresses as (
    select * from {{ ref('int_candidate_addresses') }}
),

buyers_elsewhere as (
    select * from {{ ref('int_buyers_elsewhere') }}
),

competing as (
    select addresses.*
    from addresses
    anti join buyers_elsewhere
        using (portal, job_uuid, activity_uuid, subject_uuid)
),

-- R12: dedup_by says which rows compete, always within one audience.
ranked as (
    select
        *,
        row_number() over same_address as address_rank,
        first_value(job_uuid) over same_address as kept_job_uuid,
        first_value(activity_uuid) over same_address as kept_activity_uuid,
        first_value(subject_uuid) over same_address as kept_subject_uuid
    from competing
    window same_address as (
        partition by
            portal,
            {%- if var('dedup_by') == 'activity_subject' %}
            activity_uuid,
            subject_uuid
            {%- else %}
            {{ "job_uuid," if var('dedup_by') == 'phone_job' }}
            is_buyer,
            has_no_phone,
            address
            {%- endif %}
        order by starting_at nulls last, activity_uuid, subject_uuid, job_uuid
    )
),

duplicates as (
    select
        portal,
        job_uuid,
        activity_uuid,
        subject_uuid,
        kept_job_uuid,
        kept_activity_uuid,
        kept_subject_uuid
    from ranked
    where address_rank > 1
)

select * from duplicates
