-- Messages sent per job, receiving domain and day. A job's total (domain '') stands only where
-- nothing finer is known: otherwise it would count twice.
WITH detailed AS (
    SELECT DISTINCT account, job
    FROM {{ source('bouncelens', 'sends') }}
    WHERE domain <> ''
)

SELECT
    s.account,
    s.job,
    s.domain,
    CASE WHEN s.domain <> '' THEN coalesce(s.provider, m.provider, 'other') END AS provider,
    s.day,
    s.sent
FROM {{ source('bouncelens', 'sends') }} AS s
LEFT JOIN {{ source('bouncelens', 'domains') }} AS m ON m.domain = s.domain
LEFT JOIN detailed AS d ON d.account = s.account AND d.job = s.job
WHERE s.domain <> '' OR d.job IS NULL
