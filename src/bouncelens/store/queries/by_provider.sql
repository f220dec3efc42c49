-- title: Bounces by mailbox provider
-- asks: Which mailbox providers refuse our mail?
-- denominator: messages sent to that provider
-- note: a bounce belongs to the day its message was sent, not to the day it came back
-- column provider: who runs the receiving mailbox; 'other' where none is known by name
-- column bounces [events]: bounce events
-- column bounced [messages]: messages that bounced: distinct account, job and subscriber
-- column uncounted [messages]: those of jobs whose sent count is not known; not in the rate
-- column sent [messages]: messages sent; NULL where not known
-- column rate [share]: (bounced - uncounted) / sent
WITH messages AS (
    SELECT
        provider, account, job, subscriber_key, count(*) AS bounces,
        has_sent_by_domain AS is_counted
    FROM judged
    WHERE event_time >= $since - INTERVAL 2 DAY
        AND send_day >= $first_day AND send_day < $end_day
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
        AND ($reason IS NULL OR reason = $reason)
        AND ($reason_group IS NULL OR reason_group = $reason_group)
    GROUP BY provider, account, job, subscriber_key, is_counted
), bounced AS (
    SELECT
        provider, sum(bounces) AS bounces, count(*) AS bounced,
        sum(CASE WHEN is_counted THEN 0 ELSE 1 END) AS uncounted
    FROM messages GROUP BY provider
), mailed AS (
    SELECT provider, sum(sent) AS sent
    FROM sent
    WHERE day >= $first_day AND day < $end_day
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
        AND domain <> ''
    GROUP BY provider
)
SELECT
    coalesce(b.provider, m.provider) AS provider,
    CAST(coalesce(b.bounces, 0) AS BIGINT) AS bounces,
    CAST(coalesce(b.bounced, 0) AS BIGINT) AS bounced,
    CAST(coalesce(b.uncounted, 0) AS BIGINT) AS uncounted,
    CAST(m.sent AS BIGINT) AS sent,
    CAST(coalesce(b.bounced - b.uncounted, 0) AS DOUBLE) / nullif(m.sent, 0) AS rate
FROM bounced AS b FULL JOIN mailed AS m ON m.provider = b.provider
ORDER BY bounced DESC, sent DESC NULLS LAST, provider
