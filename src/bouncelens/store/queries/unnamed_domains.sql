-- title: Domains whose provider no name tells
-- asks: Of which domains can only an MX record tell who runs the mailboxes, and what did it tell?
-- denominator: none: counts side by side
-- note: event time for bounces, the day of the send for what was sent; most mail first, `limit` of them
-- note: a provider by its MX is one of the domain now, of old bounces too
-- columns: domain
-- column provider: who runs its mailboxes by its MX, or the gateway in front; else 'other'
-- column outcome: what the look-up told; NULL: none was made
-- column mx_host: the host that decided, or the first one; NULL: there is none
-- columns: bounces, sent
-- column looked_at (detail): when it was looked up, UTC
-- with: tallies
WITH unnamed AS (
    SELECT domain FROM each_once WHERE provider IS NULL AND domain <> ''
    UNION
    SELECT domain FROM sends WHERE provider IS NULL AND domain <> ''
), refused AS (
    SELECT domain, sum(bounces) AS bounces FROM tallies GROUP BY domain
), mailed AS (
    SELECT domain, sum(sent) AS sent
    FROM sent
    WHERE domain <> '' AND day >= $first_day AND day < $end_day
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
    GROUP BY domain
)
SELECT
    u.domain, coalesce(m.provider, 'other') AS provider, m.outcome, m.mx_host,
    CAST(coalesce(r.bounces, 0) AS BIGINT) AS bounces, CAST(s.sent AS BIGINT) AS sent, m.looked_at
FROM unnamed AS u
LEFT JOIN refused AS r ON r.domain = u.domain
LEFT JOIN mailed AS s ON s.domain = u.domain
LEFT JOIN domains AS m ON m.domain = u.domain
WHERE r.domain IS NOT NULL OR s.domain IS NOT NULL
ORDER BY greatest(coalesce(s.sent, 0), coalesce(r.bounces, 0)) DESC, u.domain
LIMIT $limit
