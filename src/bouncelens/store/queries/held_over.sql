-- title: Held for a reason that is over
-- asks: Whom does Marketing Cloud hold who lives, or was never called dead?
-- denominator: none: subscribers, the surest first, `limit` of them
-- note: of those held whose bounces came in the window; who was called dead and shows no sign of life since is left out
-- note: what bounced before the lake begins is not seen
-- note: an open may be a machine's, and an old message read again; a click or a delivery says more
-- note: refusals during an incident call nobody dead; `bouncelens suppress forecast` gives incidents as policy_incidents, without it they count
-- with: asked
-- columns: account
-- column subscriber_key: SFMC SubscriberKey
-- column provider: who runs the mailbox, by the last bounce
-- column why: alive: click, delivery or open after the last bounce; incident: called dead only while the provider was wrong; blocks: only the sender, the message or the way was refused; soft: the mailbox was full or closed to us, but not dead
-- column reason: what the last reply means
-- column bounces [events]: bounces in the window
-- column last_bounce: the last of them, UTC
-- column held_time: since when it is held, UTC
-- column sign: click, delivery or open where there was one after the last bounce
-- column last_sign: when the last sign of life was, UTC
-- column is_gone: unsubscribed or complained: never to be made mailable again
WITH believed AS (
    SELECT
        a.account, a.subscriber_key, a.provider, a.reason, a.event_time,
        CASE
            WHEN coalesce(a.is_false_bounce, false) THEN 'block'
            WHEN a.hardness = 'hard' AND a.reason <> 'unclassified' AND NOT a.is_temporary
                THEN CASE WHEN EXISTS (
                    SELECT 1 FROM policy_incidents AS i
                    WHERE i.provider = a.provider
                        AND a.event_time >= i.starts AND a.event_time < i.ends
                        AND (i.job IS NULL OR (i.job = a.job AND i.account = a.account))
                ) THEN 'incident' ELSE 'dead' END
            WHEN a.reason_group IN ('address', 'mailbox') THEN 'soft'
            ELSE 'block'
        END AS says,
        row_number() OVER (
            PARTITION BY a.account, a.subscriber_key ORDER BY a.event_time DESC, a.job, a.batch
        ) AS place
    FROM asked AS a
    INNER JOIN subscribers AS s
        ON s.account = a.account AND s.subscriber_key = a.subscriber_key
    WHERE s.status = 'held'
), people AS (
    SELECT
        account, subscriber_key, count(*) AS bounces, max(event_time) AS last_bounce,
        max(CASE WHEN place = 1 THEN provider END) AS provider,
        max(CASE WHEN place = 1 THEN reason END) AS reason,
        max(CASE WHEN says = 'dead' THEN 1 ELSE 0 END) AS is_dead,
        max(CASE WHEN says = 'incident' THEN 1 ELSE 0 END) AS is_incident,
        max(CASE WHEN says = 'soft' THEN 1 ELSE 0 END) AS is_soft
    FROM believed
    GROUP BY account, subscriber_key
), signed AS (
    SELECT
        p.account, p.subscriber_key, p.provider, p.reason, p.bounces, p.last_bounce, p.is_dead,
        p.is_incident, p.is_soft, s.held_time,
        CASE
            WHEN s.last_click > p.last_bounce THEN 'click'
            WHEN s.last_delivery > p.last_bounce THEN 'delivery'
            WHEN s.last_open > p.last_bounce THEN 'open'
        END AS sign,
        greatest(s.last_click, s.last_delivery, s.last_open) AS last_sign,
        s.unsubscribed_time IS NOT NULL OR s.complained_time IS NOT NULL AS is_gone
    FROM people AS p
    INNER JOIN subscribers AS s
        ON s.account = p.account AND s.subscriber_key = p.subscriber_key
), placed AS (
    SELECT
        *,
        CASE
            WHEN sign IS NOT NULL THEN 0 WHEN is_dead = 1 THEN 9 WHEN is_incident = 1 THEN 1
            WHEN is_soft = 1 THEN 3 ELSE 2
        END AS tier
    FROM signed
)
SELECT
    account, subscriber_key, provider,
    CASE tier WHEN 0 THEN 'alive' WHEN 1 THEN 'incident' WHEN 2 THEN 'blocks' ELSE 'soft' END AS why,
    reason, bounces, last_bounce, held_time, sign, last_sign, is_gone
FROM placed
WHERE tier < 9
ORDER BY tier, last_sign DESC NULLS LAST, last_bounce DESC, account, subscriber_key
LIMIT $limit
