with

subjects as (
    select * from {{ ref('int_subjects') }}
),

registered_users as (
    select * from {{ ref('int_registered_users') }}
),

case_folds as (
    select * from {{ ref('int_case_folds') }}
),

-- R7: where to look for a parent's name, in this order.
options as (
    select
        portal,
        job_uuid,
        subject_uuid,
        1 as option_rank,
        user_name as parent_name
    from registered_users
    where user_rank = 1

    {% for name in ['delivery_1.name', 'delivery_2.name', 'parent_name'] -%}
    union all

    select
        portal,
        job_uuid,
        subject_uuid,
        {{ loop.index + 1 }} as option_rank,
        {{ name }} as parent_name
    from subjects

    {% endfor -%}
),

-- R7: the subject's own name does not count, in any case of its letters.
others as (
    select
        options.portal,
        options.job_uuid,
        options.subject_uuid,
        options.option_rank,
        options.parent_name
    from options
    inner join subjects using (portal, job_uuid, subject_uuid)
    inner join case_folds as parent_fold
        on options.parent_name = parent_fold.name_text
    left join case_folds as own_fold
        on subjects.own_name = own_fold.name_text
    where parent_fold.folded_text is distinct from own_fold.folded_text
),

first_names as (
    select
        portal,
        job_uuid,
        subject_uuid,
        min_by(parent_name, option_rank) as parent_name
    from others
    group by portal, job_uuid, subject_uuid
)

select * from first_names
