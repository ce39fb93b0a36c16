with

subjects as (
    select * from {{ ref('int_subjects') }}
),

access_keys as (
    select * from {{ ref('stg_portal__access_keys') }}
),

portals as (
    select * from {{ ref('int_portals') }}
),

-- R10: the addresses of a subject's gallery, and the key that opens it.
addressed as (
    select
        subjects.portal,
        subjects.job_uuid,
        subjects.subject_uuid,
        access_keys.access_key as access_code,
        portals.root_url || '/gallery/'
        || {{ percent_encoded('subjects.subject_uuid') }} as url,
        portals.root_url || '/?code='
        || {{ percent_encoded('access_keys.access_key') }}
            as custom_gallery_url
    from subjects
    inner join portals using (portal)
    left join access_keys using (portal, job_uuid, subject_uuid)
)

select * from addressed
