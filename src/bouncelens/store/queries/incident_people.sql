-- title: People of an incident
-- asks: Who was called dead in an incident, and what is known of them before and after it?
-- for: machinery
-- denominator: none: addresses
-- note: incidents are given as the table policy_incidents; without the one asked about there is nobody
-- note: what was refused in another incident says nothing
-- column account: MID of the business unit
-- column subscriber_key: SFMC SubscriberKey
-- column first_refused: first hard refusal in the incident, UTC
-- column is_alive: opened, clicked or was delivered to in the 90 days before it
-- column alive_again: the last sign of life after their last refusal in it, UTC
-- column is_refused_before: called dead before it, too
-- column is_refused_after: called dead after it, too
WITH hard AS (
    SELECT account, job, batch, subscriber_key, event_time, provider
    FROM judged
    WHERE event_time >= $since AND event_time < $until
        AND hardness = 'hard' AND reason <> 'unclassified' AND NOT is_temporary
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
        AND ($reason IS NULL OR reason = $reason)
        AND ($reason_group IS NULL OR reason_group = $reason_group)
), met AS (
    SELECT
        h.account, h.job, h.batch, h.subscriber_key, h.event_time,
        max(CASE WHEN i.is_asked THEN 1 ELSE 0 END) AS is_asked
    FROM hard AS h
    INNER JOIN policy_incidents AS i
        ON i.provider = h.provider AND h.event_time >= i.starts AND h.event_time < i.ends
        AND (i.job IS NULL OR (i.job = h.job AND i.account = h.account))
    GROUP BY h.account, h.job, h.batch, h.subscriber_key, h.event_time
), held AS (
    SELECT * FROM met WHERE is_asked = 1
), people AS (
    SELECT
        account, subscriber_key, min(event_time) AS first_refused, max(event_time) AS last_refused
    FROM held GROUP BY account, subscriber_key
), elsewhere AS (
    SELECT
        h.account, h.subscriber_key,
        max(CASE WHEN h.event_time < p.first_refused THEN 1 ELSE 0 END) AS before_it,
        max(CASE WHEN h.event_time > p.first_refused THEN 1 ELSE 0 END) AS after_it
    FROM hard AS h
    INNER JOIN people AS p ON p.account = h.account AND p.subscriber_key = h.subscriber_key
    LEFT JOIN met AS d
        ON d.account = h.account AND d.job = h.job AND d.batch = h.batch
        AND d.subscriber_key = h.subscriber_key AND d.event_time = h.event_time
    WHERE d.job IS NULL
    GROUP BY h.account, h.subscriber_key
), signs AS (
    SELECT
        p.account, p.subscriber_key, p.first_refused, p.last_refused,
        greatest(
            coalesce(s.last_delivery, TIMESTAMPTZ '1970-01-01 00:00:00+00'),
            coalesce(s.last_open, TIMESTAMPTZ '1970-01-01 00:00:00+00'),
            coalesce(s.last_click, TIMESTAMPTZ '1970-01-01 00:00:00+00')
        ) AS last_sign
    FROM people AS p
    LEFT JOIN subscribers AS s
        ON s.account = p.account AND s.subscriber_key = p.subscriber_key
)
SELECT
    s.account, s.subscriber_key, s.first_refused,
    s.last_sign >= s.first_refused - INTERVAL 90 DAY AS is_alive,
    CASE WHEN s.last_sign > s.last_refused THEN s.last_sign END AS alive_again,
    coalesce(e.before_it, 0) = 1 AS is_refused_before,
    coalesce(e.after_it, 0) = 1 AS is_refused_after
FROM signs AS s
LEFT JOIN elsewhere AS e ON e.account = s.account AND e.subscriber_key = s.subscriber_key
ORDER BY s.account, s.subscriber_key
