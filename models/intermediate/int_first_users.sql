with

registered_users as (
    select * from {{ ref('int_registered_users') }}
),

addresses as (
    select * from {{ ref('int_subject_addresses') }}
),

-- R3: the e-mail of the first in rank, unless it is shared or suppressed.
shown as (
    select
        registered_users.portal,
        registered_users.job_uuid,
        registered_users.subject_uuid,
        registered_users.user_uuid,
        case
            when not addresses.is_shared and not addresses.is_suppressed
                then registered_users.email
        end as shown_email
    from registered_users
    left join addresses
        on
            registered_users.portal = addresses.portal
            and registered_users.job_uuid = addresses.job_uuid
            and registered_users.subject_uuid = addresses.subject_uuid
            and addresses.channel = 'email'
            and registered_users.email = addresses.address
    where registered_users.user_rank = 1
)

select * from shown
