-- title: People who are held
-- asks: Whom does Marketing Cloud hold, and how sure is it that they live?
-- for: machinery
-- denominator: none: subscribers
-- note: who unsubscribed or complained is left out, and so is whoever shares an address with such a person
-- note: refusals during an incident, given as policy_incidents, call nobody dead
-- column account: MID of the business unit
-- column subscriber_key: SFMC SubscriberKey
-- column address: the address now
-- column tier: accepted: a sign of life after the last refusal; alive: one in the 90 days before it, and nobody was called dead; unknown: neither; dead: called dead, no sign of life since
-- column last_bounce: the last refusal, UTC; NULL: none is known
-- column last_sign: the last open, click or delivery, UTC
-- column reason: what the last refusal means
WITH refused AS (
    SELECT account, job, batch, subscriber_key, event_time, provider, reason, hardness, is_temporary
    FROM judged
    WHERE event_time >= $since AND event_time < $until
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
        AND ($reason IS NULL OR reason = $reason)
        AND ($reason_group IS NULL OR reason_group = $reason_group)
), wrong AS (
    SELECT DISTINCT r.account, r.job, r.batch, r.subscriber_key, r.event_time
    FROM refused AS r
    INNER JOIN policy_incidents AS i
        ON i.provider = r.provider AND r.event_time >= i.starts AND r.event_time < i.ends
        AND (i.job IS NULL OR (i.job = r.job AND i.account = r.account))
), marked AS (
    SELECT
        r.account, r.subscriber_key, r.event_time, r.reason,
        CASE
            WHEN r.hardness = 'hard' AND r.reason <> 'unclassified' AND NOT r.is_temporary
                AND w.job IS NULL THEN 1
            ELSE 0
        END AS is_dead,
        row_number() OVER (
            PARTITION BY r.account, r.subscriber_key ORDER BY r.event_time DESC, r.job, r.batch
        ) AS place
    FROM refused AS r
    LEFT JOIN wrong AS w
        ON w.account = r.account AND w.job = r.job AND w.batch = r.batch
        AND w.subscriber_key = r.subscriber_key AND w.event_time = r.event_time
), people AS (
    SELECT
        account, subscriber_key, max(event_time) AS last_bounce, max(is_dead) AS is_dead,
        max(CASE WHEN place = 1 THEN reason END) AS reason
    FROM marked
    GROUP BY account, subscriber_key
), leaving AS (
    SELECT DISTINCT account, lower(address) AS address
    FROM subscribers
    WHERE address IS NOT NULL
        AND (unsubscribed_time IS NOT NULL OR complained_time IS NOT NULL
            OR status = 'unsubscribed')
), held AS (
    SELECT
        s.account, s.subscriber_key, s.address, p.last_bounce, p.reason,
        coalesce(p.is_dead, 0) AS is_dead,
        nullif(
            greatest(
                coalesce(s.last_delivery, TIMESTAMPTZ '1970-01-01 00:00:00+00'),
                coalesce(s.last_open, TIMESTAMPTZ '1970-01-01 00:00:00+00'),
                coalesce(s.last_click, TIMESTAMPTZ '1970-01-01 00:00:00+00')
            ),
            TIMESTAMPTZ '1970-01-01 00:00:00+00'
        ) AS last_sign
    FROM subscribers AS s
    LEFT JOIN people AS p ON p.account = s.account AND p.subscriber_key = s.subscriber_key
    LEFT JOIN leaving AS g ON g.account = s.account AND g.address = lower(s.address)
    WHERE s.status = 'held' AND s.unsubscribed_time IS NULL AND s.complained_time IS NULL
        AND g.account IS NULL AND ($account IS NULL OR s.account = $account)
)
SELECT
    account, subscriber_key, address,
    CASE
        WHEN last_sign IS NOT NULL AND last_bounce IS NOT NULL AND last_sign > last_bounce
            THEN 'accepted'
        WHEN is_dead = 1 THEN 'dead'
        WHEN last_sign IS NOT NULL AND last_bounce IS NOT NULL
            AND last_sign >= last_bounce - INTERVAL 90 DAY THEN 'alive'
        ELSE 'unknown'
    END AS tier,
    last_bounce, last_sign, reason
FROM held
ORDER BY account, subscriber_key
