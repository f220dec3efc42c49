-- title: Signs of a false-bounce incident
-- asks: Who called how many addresses dead when, and how many of those were alive shortly before?
-- for: machinery
-- denominator: none: addresses
-- note: hard refusals only; alive is who opened, clicked or was delivered to in the 90 days before, or later
-- note: who was refused days before and gave no sign of life since is not alive
-- note: a quarter is 900 seconds, counted from 1970, UTC
-- column provider: who runs the receiving mailbox, or 'other'
-- column quarter: quarter of an hour in which they were refused
-- column account: MID of the business unit
-- column job: SFMC JobID
-- column domain: receiving domain
-- column refused [addresses]: addresses refused
-- column known [addresses]: of them, people of whom it is told whether they open or are delivered to
-- column alive [addresses]: of them, alive
-- column engaged [addresses]: of those, who opened or clicked in these 90 days, or later
-- column gap_s [seconds]: since their last sign of life, all of those alive together
WITH refusals AS (
    SELECT
        account, job, subscriber_key, provider, max(domain) AS domain,
        CAST(floor(epoch(min(event_time)) / 900) AS BIGINT) AS quarter,
        min(event_time) AS event_time
    FROM judged
    WHERE event_time >= $since AND event_time < $until
        AND hardness = 'hard' AND reason <> 'unclassified' AND NOT is_temporary
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
        AND ($reason IS NULL OR reason = $reason)
        AND ($reason_group IS NULL OR reason_group = $reason_group)
    GROUP BY account, job, subscriber_key, provider
), told AS (
    SELECT account FROM subscribers
    WHERE coalesce(last_delivery, last_open, last_click) IS NOT NULL
    GROUP BY account
), refused_before AS (
    SELECT j.account, j.job, j.subscriber_key, max(j.before_it) AS last_time
    FROM (
        SELECT r.account, r.job, r.subscriber_key, h.event_time AS before_it
        FROM judged AS h
        INNER JOIN refusals AS r
            ON r.account = h.account AND r.subscriber_key = h.subscriber_key
        WHERE h.event_time >= $since - INTERVAL 90 DAY AND h.event_time < $until
            AND h.event_time < r.event_time - INTERVAL 3 DAY
            AND h.hardness = 'hard' AND h.reason <> 'unclassified' AND NOT h.is_temporary
    ) AS j
    GROUP BY j.account, j.job, j.subscriber_key
), signs AS (
    SELECT
        account, subscriber_key,
        greatest(
            coalesce(last_delivery, TIMESTAMPTZ '1970-01-01 00:00:00+00'),
            coalesce(last_open, TIMESTAMPTZ '1970-01-01 00:00:00+00'),
            coalesce(last_click, TIMESTAMPTZ '1970-01-01 00:00:00+00')
        ) AS last_sign,
        greatest(
            coalesce(last_open, TIMESTAMPTZ '1970-01-01 00:00:00+00'),
            coalesce(last_click, TIMESTAMPTZ '1970-01-01 00:00:00+00')
        ) AS last_act
    FROM subscribers
), met AS (
    SELECT
        r.provider, r.quarter, r.account, r.job, r.domain, r.event_time, s.last_sign, s.last_act,
        CASE
            WHEN s.subscriber_key IS NOT NULL AND t.account IS NOT NULL THEN 1 ELSE 0
        END AS known,
        CASE
            WHEN s.last_sign >= r.event_time - INTERVAL 90 DAY
                AND (b.last_time IS NULL OR s.last_sign > b.last_time) THEN 1
            ELSE 0
        END AS alive
    FROM refusals AS r
    LEFT JOIN signs AS s ON s.account = r.account AND s.subscriber_key = r.subscriber_key
    LEFT JOIN refused_before AS b
        ON b.account = r.account AND b.job = r.job AND b.subscriber_key = r.subscriber_key
    LEFT JOIN told AS t ON t.account = r.account
)
SELECT
    provider, quarter, account, job, domain,
    count(*) AS refused,
    CAST(sum(known) AS BIGINT) AS known,
    CAST(sum(alive) AS BIGINT) AS alive,
    CAST(sum(CASE
        WHEN alive = 1 AND last_act >= event_time - INTERVAL 90 DAY THEN 1 ELSE 0
    END) AS BIGINT) AS engaged,
    CAST(sum(CASE
        WHEN alive = 1 AND event_time > last_sign
            THEN CAST(floor(epoch(event_time)) AS BIGINT) - CAST(floor(epoch(last_sign)) AS BIGINT)
        ELSE 0
    END) AS BIGINT) AS gap_s
FROM met
GROUP BY provider, quarter, account, job, domain
ORDER BY quarter, provider, account, job, domain
