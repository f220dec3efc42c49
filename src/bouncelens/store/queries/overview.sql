-- title: Bounces by day and group
-- asks: How does each family of reasons develop, of what was sent?
-- denominator: messages sent on that day; the same for every group of the day
-- note: a bounce belongs to the day its message was sent, not to the day it came back
-- column day: day of the send, UTC
-- column reason_group: family of reasons; NULL on a day without bounces
-- column bounces [events]: bounce events
-- column bounced [messages]: messages that bounced: distinct account, job and subscriber
-- column uncounted [messages]: those of jobs whose sent count is not known; not in the rate
-- column sent [messages]: messages sent; NULL where not known
-- column rate [share]: (bounced - uncounted) / sent
WITH messages AS (
    SELECT
        send_day AS day, reason_group, account, job, subscriber_key, count(*) AS bounces,
        CASE WHEN $provider IS NULL AND $domain IS NULL THEN has_sent
            ELSE has_sent_by_domain END AS is_counted
    FROM judged
    WHERE event_time >= $since - INTERVAL 2 DAY
        AND send_day >= $first_day AND send_day < $end_day
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
        AND ($reason IS NULL OR reason = $reason)
        AND ($reason_group IS NULL OR reason_group = $reason_group)
    GROUP BY send_day, reason_group, account, job, subscriber_key, is_counted
), bounced AS (
    SELECT
        day, reason_group, sum(bounces) AS bounces, count(*) AS bounced,
        sum(CASE WHEN is_counted THEN 0 ELSE 1 END) AS uncounted
    FROM messages GROUP BY day, reason_group
), mailed AS (
    SELECT day, sum(sent) AS sent
    FROM sent
    WHERE day >= $first_day AND day < $end_day
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
    GROUP BY day
)
SELECT
    coalesce(b.day, m.day) AS day, b.reason_group,
    CAST(coalesce(b.bounces, 0) AS BIGINT) AS bounces,
    CAST(coalesce(b.bounced, 0) AS BIGINT) AS bounced,
    CAST(coalesce(b.uncounted, 0) AS BIGINT) AS uncounted,
    CAST(m.sent AS BIGINT) AS sent,
    CAST(coalesce(b.bounced - b.uncounted, 0) AS DOUBLE) / nullif(m.sent, 0) AS rate
FROM bounced AS b FULL JOIN mailed AS m ON m.day = b.day
ORDER BY day, reason_group NULLS FIRST
