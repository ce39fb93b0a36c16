{%- set scope = var('buyers_get_no_reminder') -%}
with

addresses as (
    select * from {{ ref('int_candidate_addresses') }}
),

-- R12: the candidates whose address gets a buyers' text in the same job or
-- portal.
elsewhere as (
    select
        reminded.portal,
        reminded.job_uuid,
        reminded.activity_uuid,
        reminded.subject_uuid
    from addresses as reminded
    semi join addresses as bought
        on
            '{{ scope }}' != 'never'
            and bought.is_buyer
            and reminded.portal = bought.portal
            and (
                '{{ scope }}' = 'portal'
                or reminded.job_uuid = bought.job_uuid
            )
            and reminded.has_no_phone = bought.has_no_phone
            and reminded.address = bought.address
    where not reminded.is_buyer
)

select * from elsewhere
