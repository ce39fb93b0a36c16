-- The consents that the exported rows rest on (R8). One row per portal and
-- audience.
select
    portal,
    audience,
    count(*) filter (where basis = 'explicit') as explicit,
    count(*) filter (where basis = 'webshop') as assumed,
    count(*) filter (where basis = 'explicit' and dated_by = 'starting')
        as undated
from marts.audience_evidence
where list_contains(getvariable('audiences'), audience)
group by portal, audience
order by portal, audience
