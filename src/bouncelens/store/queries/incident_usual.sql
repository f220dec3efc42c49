-- title: What providers refuse as a rule
-- asks: How many addresses does each provider call dead, in how many quarters of an hour with any refusal?
-- for: machinery
-- denominator: none: addresses, each counted once
-- note: hard refusals only; those of incidents, given as policy_incidents, do not count
-- column provider: who runs the receiving mailbox, or 'other'
-- column refused [addresses]: addresses refused
-- column of_sent [addresses]: of them, those of jobs of which it is known how much was sent where
-- column sent [messages]: messages sent to the provider by such jobs; NULL where none is known
-- column quarters: quarters of an hour in which any provider refused anybody
WITH hard AS (
    SELECT
        j.provider, j.account, j.subscriber_key, j.has_sent_by_domain,
        CAST(floor(epoch(j.event_time) / 900) AS BIGINT) AS quarter
    FROM judged AS j
    WHERE j.event_time >= $since AND j.event_time < $until
        AND j.hardness = 'hard' AND j.reason <> 'unclassified' AND NOT j.is_temporary
        AND ($account IS NULL OR j.account = $account) AND ($job IS NULL OR j.job = $job)
        AND ($provider IS NULL OR j.provider = $provider)
        AND ($domain IS NULL OR j.domain = $domain)
        AND ($reason IS NULL OR j.reason = $reason)
        AND ($reason_group IS NULL OR j.reason_group = $reason_group)
        AND NOT EXISTS (
            SELECT 1 FROM policy_incidents AS i
            WHERE i.provider = j.provider AND j.event_time >= i.starts AND j.event_time < i.ends
                AND (i.job IS NULL OR (i.job = j.job AND i.account = j.account))
        )
), counted AS (
    SELECT provider, count(*) AS refused, sum(by_domain) AS of_sent
    FROM (
        SELECT
            provider, account, subscriber_key,
            max(CASE WHEN has_sent_by_domain THEN 1 ELSE 0 END) AS by_domain
        FROM hard GROUP BY provider, account, subscriber_key
    ) AS once
    GROUP BY provider
), mailed AS (
    SELECT provider, sum(sent) AS sent
    FROM sent
    WHERE provider IS NOT NULL AND day >= $first_day AND day < $end_day
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider)
        AND ($domain IS NULL OR domain = $domain)
    GROUP BY provider
), quarters AS (
    SELECT count(DISTINCT quarter) AS quarters FROM hard
)
SELECT
    c.provider, c.refused, CAST(c.of_sent AS BIGINT) AS of_sent,
    CAST(m.sent AS BIGINT) AS sent, q.quarters
FROM counted AS c CROSS JOIN quarters AS q
LEFT JOIN mailed AS m ON m.provider = c.provider
ORDER BY c.provider
