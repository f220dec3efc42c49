-- title: What providers refuse as a rule
-- asks: How many addresses does each provider call dead for the first time, in how many quarters of an hour with any refusal?
-- for: machinery
-- denominator: none: addresses, each counted once
-- note: hard refusals only; those of incidents, given as policy_incidents, do not count
-- note: who is known to have been dead before, by a refusal or by 90 days without a sign of life, does not count
-- column provider: who runs the receiving mailbox, or 'other'
-- column refused [addresses]: addresses refused
-- column of_sent [addresses]: of them, those of jobs of which it is known how much was sent where
-- column sent [messages]: messages sent to the provider by such jobs; NULL where none is known
-- column quarters: quarters of an hour in which any provider refused anybody
-- column alive [addresses]: of them, who opened, clicked or was delivered to in the 90 days before, or later
-- column engaged [addresses]: of those, who opened or clicked in these 90 days, or later
-- column gap_s [seconds]: since their last sign of life, all of those alive together
WITH hard AS (
    SELECT j.provider, j.account, j.subscriber_key, j.has_sent_by_domain, j.event_time
    FROM judged AS j
    WHERE j.event_time >= $since - INTERVAL 90 DAY AND j.event_time < $until
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
), firsts AS (
    SELECT
        provider, account, subscriber_key, min(event_time) AS event_time,
        max(CASE WHEN has_sent_by_domain THEN 1 ELSE 0 END) AS by_domain
    FROM hard GROUP BY provider, account, subscriber_key
), told AS (
    SELECT account FROM subscribers
    WHERE coalesce(last_delivery, last_open, last_click) IS NOT NULL
    GROUP BY account
), signs AS (
    SELECT
        s.account, s.subscriber_key,
        greatest(
            coalesce(s.last_delivery, TIMESTAMPTZ '1970-01-01 00:00:00+00'),
            coalesce(s.last_open, TIMESTAMPTZ '1970-01-01 00:00:00+00'),
            coalesce(s.last_click, TIMESTAMPTZ '1970-01-01 00:00:00+00')
        ) AS last_sign,
        greatest(
            coalesce(s.last_open, TIMESTAMPTZ '1970-01-01 00:00:00+00'),
            coalesce(s.last_click, TIMESTAMPTZ '1970-01-01 00:00:00+00')
        ) AS last_act
    FROM subscribers AS s
    INNER JOIN told AS t ON t.account = s.account
), known AS (
    SELECT
        f.provider, f.by_domain, f.event_time, s.last_sign, s.last_act,
        CASE WHEN s.last_sign >= f.event_time - INTERVAL 90 DAY THEN 1 ELSE 0 END AS alive
    FROM firsts AS f
    LEFT JOIN signs AS s ON s.account = f.account AND s.subscriber_key = f.subscriber_key
    WHERE f.event_time >= $since
), counted AS (
    SELECT
        provider, count(*) AS refused, sum(by_domain) AS of_sent, sum(alive) AS alive,
        sum(CASE
            WHEN alive = 1 AND last_act >= event_time - INTERVAL 90 DAY THEN 1 ELSE 0
        END) AS engaged,
        sum(CASE
            WHEN alive = 1 AND event_time > last_sign
                THEN CAST(floor(epoch(event_time)) AS BIGINT) - CAST(floor(epoch(last_sign)) AS BIGINT)
            ELSE 0
        END) AS gap_s
    FROM known
    WHERE alive = 1 OR last_sign IS NULL
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
    SELECT count(DISTINCT CAST(floor(epoch(event_time) / 900) AS BIGINT)) AS quarters
    FROM hard WHERE event_time >= $since
)
SELECT
    coalesce(c.provider, m.provider) AS provider, coalesce(c.refused, 0) AS refused,
    CAST(coalesce(c.of_sent, 0) AS BIGINT) AS of_sent,
    CAST(m.sent AS BIGINT) AS sent, q.quarters,
    CAST(coalesce(c.alive, 0) AS BIGINT) AS alive,
    CAST(coalesce(c.engaged, 0) AS BIGINT) AS engaged,
    CAST(coalesce(c.gap_s, 0) AS BIGINT) AS gap_s
FROM counted AS c
FULL JOIN mailed AS m ON m.provider = c.provider
CROSS JOIN quarters AS q
ORDER BY 1
