-- title: Busiest day
-- asks: How much was sent on the busiest day, to everybody and to each provider's people?
-- for: machinery
-- denominator: none: messages sent
-- note: stands for the size of a mailable list where nobody states it
-- column provider: who runs the receiving mailbox, 'other', or 'all'
-- column sent [messages]: messages sent on its busiest day
WITH days AS (
    SELECT provider, day, sum(sent) AS sent
    FROM sent
    WHERE day >= $first_day AND day < $end_day
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
        AND $reason IS NULL AND $reason_group IS NULL
    GROUP BY provider, day
), totals AS (
    SELECT day, sum(sent) AS sent FROM days GROUP BY day
), busiest AS (
    SELECT 'all' AS provider, max(sent) AS sent FROM totals
    UNION ALL
    SELECT provider, max(sent) AS sent FROM days WHERE provider IS NOT NULL GROUP BY provider
)
SELECT provider, CAST(sent AS BIGINT) AS sent
FROM busiest
WHERE sent IS NOT NULL
ORDER BY provider
