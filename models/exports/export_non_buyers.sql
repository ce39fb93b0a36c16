{{ config(post_hook={
    'sql': "{{ export_audience('non_buyers') }}", 'transaction': false
}) }}

-- Nothing is written before every contract of the marts has passed:
-- depends_on: {{ ref('audience_exclusions') }}
-- depends_on: {{ ref('audience_summary') }}

{{ export_rows('non_buyers') }}
