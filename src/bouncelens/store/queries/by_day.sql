-- title: Bounces by day
-- asks: How much of what was sent each day bounced?
-- denominator: messages sent on that day
-- note: a bounce belongs to the day its message was sent, not to the day it came back; a message with verdicts of two kinds counts in both
-- column day: day of the send, UTC
-- column bounces [events]: bounce events
-- column bounced [messages]: messages that bounced: distinct account, job and subscriber
-- column uncounted [messages]: those of jobs whose sent count is not known; not in the rate
-- column sent [messages]: messages sent; NULL where not known
-- column rate [share]: (bounced - uncounted) / sent
-- column hard [messages]: bounced with a hard verdict
-- column soft [messages]: bounced with a soft verdict
-- column block [messages]: bounced with a block verdict
WITH messages AS (
    SELECT
        send_day AS day, account, job, subscriber_key, count(*) AS bounces,
        max(CASE WHEN hardness = 'hard' THEN 1 ELSE 0 END) AS is_hard,
        max(CASE WHEN hardness = 'soft' THEN 1 ELSE 0 END) AS is_soft,
        max(CASE WHEN hardness = 'block' THEN 1 ELSE 0 END) AS is_block,
        CASE WHEN $provider IS NULL AND $domain IS NULL THEN has_sent
            ELSE has_sent_by_domain END AS is_counted
    FROM judged
    WHERE event_time >= $since - INTERVAL 2 DAY
        AND send_day >= $first_day AND send_day < $end_day
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
        AND ($reason IS NULL OR reason = $reason)
        AND ($reason_group IS NULL OR reason_group = $reason_group)
    GROUP BY send_day, account, job, subscriber_key, is_counted
), bounced AS (
    SELECT
        day, sum(bounces) AS bounces, count(*) AS bounced,
        sum(is_hard) AS hard, sum(is_soft) AS soft, sum(is_block) AS block,
        sum(CASE WHEN is_counted THEN 0 ELSE 1 END) AS uncounted
    FROM messages GROUP BY day
), mailed AS (
    SELECT day, sum(sent) AS sent
    FROM sent
    WHERE day >= $first_day AND day < $end_day
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
    GROUP BY day
)
SELECT
    coalesce(b.day, m.day) AS day,
    CAST(coalesce(b.bounces, 0) AS BIGINT) AS bounces,
    CAST(coalesce(b.bounced, 0) AS BIGINT) AS bounced,
    CAST(coalesce(b.uncounted, 0) AS BIGINT) AS uncounted,
    CAST(m.sent AS BIGINT) AS sent,
    CAST(coalesce(b.bounced - b.uncounted, 0) AS DOUBLE) / nullif(m.sent, 0) AS rate,
    CAST(coalesce(b.hard, 0) AS BIGINT) AS hard,
    CAST(coalesce(b.soft, 0) AS BIGINT) AS soft,
    CAST(coalesce(b.block, 0) AS BIGINT) AS block
FROM bounced AS b FULL JOIN mailed AS m ON m.day = b.day
ORDER BY day
