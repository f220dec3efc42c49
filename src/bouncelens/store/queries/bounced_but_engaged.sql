-- title: Bounced but engaged
-- asks: Who opened or clicked after a reply that called the address dead?
-- denominator: none: subscribers, the latest sign of life first, `limit` of them
-- note: event time: hard bounces that came in the window, and signs of life after the last of them
-- note: machines open mail too; a click says more than an open
-- with: asked
-- columns: account
-- column subscriber_key: SFMC SubscriberKey
-- column provider: who runs the mailbox
-- column reason: what the last hard reply means
-- column last_bounce: the last hard bounce in the window, UTC
-- column sign: click, or open where there was no click after it
-- column last_sign: the last open or click, UTC
-- column days_after [days]: whole days from that bounce to that sign
-- column status: the subscriber's status in SFMC; NULL where it is not known
-- column bounces [events] (detail): hard bounces in the window
WITH hard AS (
    SELECT
        account, subscriber_key, provider, reason, event_time AS last_bounce,
        count(*) OVER (PARTITION BY account, subscriber_key) AS bounces,
        row_number() OVER (
            PARTITION BY account, subscriber_key ORDER BY event_time DESC, job, batch
        ) AS place
    FROM asked
    WHERE hardness = 'hard'
), engaged AS (
    SELECT
        h.account, h.subscriber_key, h.provider, h.reason, h.last_bounce, h.bounces, s.status,
        CASE WHEN s.last_click > h.last_bounce THEN 'click' ELSE 'open' END AS sign,
        greatest(s.last_open, s.last_click) AS last_sign
    FROM hard AS h
    INNER JOIN subscribers AS s
        ON s.account = h.account AND s.subscriber_key = h.subscriber_key
    WHERE h.place = 1 AND (s.last_open > h.last_bounce OR s.last_click > h.last_bounce)
)
SELECT
    account, subscriber_key, provider, reason, last_bounce, sign, last_sign,
    CAST(floor((epoch(last_sign) - epoch(last_bounce)) / 86400) AS BIGINT) AS days_after,
    status, bounces
FROM engaged
ORDER BY last_sign DESC, account, subscriber_key
LIMIT $limit
