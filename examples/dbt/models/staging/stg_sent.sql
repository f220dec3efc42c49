-- Messages sent per job, receiving domain and day. A job's total (domain '') stands only where
-- nothing finer is known: otherwise it would count twice.
-- Text goes through coalesce for the reason that stg_bounces gives.
WITH sends AS (
    SELECT account, job, coalesce(domain, '') AS domain, coalesce(provider, '') AS provider, day, sent
    FROM {{ source('bouncelens', 'sends') }}
),

detailed AS (
    SELECT DISTINCT account, job
    FROM sends
    WHERE domain <> ''
)

SELECT
    s.account,
    s.job,
    s.domain,
    CASE WHEN s.domain <> '' THEN coalesce(nullif(s.provider, ''), m.provider, 'other') END AS provider,
    s.day,
    s.sent
FROM sends AS s
LEFT JOIN {{ source('bouncelens', 'domains') }} AS m ON coalesce(m.domain, '') = s.domain
LEFT JOIN detailed AS d ON d.account = s.account AND d.job = s.job
WHERE s.domain <> '' OR d.job IS NULL
