-- title: Subscribers that bounced
-- asks: Who bounced for the first time, who again, and what was last said about them?
-- denominator: none: subscribers, those with most bounced messages first, `limit` of them
-- note: event time: bounces that came in the window; first_time looks at all that is stored
-- with: asked
-- columns: account
-- column subscriber_key: SFMC SubscriberKey
-- column kind: first: never bounced before the window; again: bounced before
-- column messages [messages]: messages that bounced
-- columns: bounces
-- column event_days [days] (detail): distinct days on which they came
-- column first_time (detail): the subscriber's first bounce of all, UTC
-- column last_time: the last bounce in the window, UTC
-- column provider (detail): who runs the mailbox, by the last bounce
-- column reason: what the last reply means
-- column hardness: of the last reply
WITH sends_bounced AS (
    SELECT account, subscriber_key, job, count(*) AS bounces, max(event_time) AS last_time
    FROM asked
    GROUP BY account, subscriber_key, job
), people AS (
    SELECT
        account, subscriber_key, CAST(sum(bounces) AS BIGINT) AS bounces, count(*) AS messages,
        max(last_time) AS last_time
    FROM sends_bounced
    GROUP BY account, subscriber_key
    ORDER BY messages DESC, bounces DESC, account, subscriber_key
    LIMIT $limit
), firsts AS (
    SELECT b.account, b.subscriber_key, min(b.event_time) AS first_time
    FROM bounces AS b
    INNER JOIN people AS p ON p.account = b.account AND p.subscriber_key = b.subscriber_key
    GROUP BY b.account, b.subscriber_key
), told AS (
    SELECT
        a.account, a.subscriber_key, a.provider, a.reason, a.hardness,
        row_number() OVER (
            PARTITION BY a.account, a.subscriber_key ORDER BY a.event_time DESC, a.job, a.batch
        ) AS place,
        dense_rank() OVER (
            PARTITION BY a.account, a.subscriber_key ORDER BY a.event_day
        ) AS day_place
    FROM asked AS a
    INNER JOIN people AS p ON p.account = a.account AND p.subscriber_key = a.subscriber_key
), lasts AS (
    SELECT account, subscriber_key, provider, reason, hardness FROM told WHERE place = 1
), days AS (
    SELECT account, subscriber_key, max(day_place) AS event_days
    FROM told GROUP BY account, subscriber_key
)
SELECT
    p.account, p.subscriber_key,
    CASE WHEN f.first_time >= $since THEN 'first' ELSE 'again' END AS kind,
    p.messages, p.bounces, d.event_days, f.first_time, p.last_time, l.provider, l.reason, l.hardness
FROM people AS p
INNER JOIN firsts AS f ON f.account = p.account AND f.subscriber_key = p.subscriber_key
INNER JOIN lasts AS l ON l.account = p.account AND l.subscriber_key = p.subscriber_key
INNER JOIN days AS d ON d.account = p.account AND d.subscriber_key = p.subscriber_key
ORDER BY p.messages DESC, p.bounces DESC, p.account, p.subscriber_key
