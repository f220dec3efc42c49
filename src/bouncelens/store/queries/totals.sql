-- title: Totals
-- asks: How much was sent, and how much of it bounced?
-- denominator: messages sent in the window
-- note: a bounce belongs to the day its message was sent, not to the day it came back; a message with verdicts of two kinds counts in both
-- column bounces [events]: bounce events
-- column bounced [messages]: messages that bounced: distinct account, job and subscriber
-- column uncounted [messages]: those of jobs whose sent count is not known; not in the rate
-- column sent [messages]: messages sent; NULL where not known
-- column rate [share]: (bounced - uncounted) / sent
-- column addresses [addresses]: distinct accounts and subscribers that bounced
-- column hard [messages]: bounced with a hard verdict
-- column soft [messages]: bounced with a soft verdict
-- column block [messages]: bounced with a block verdict
-- column unclassified [messages]: bounced without enough said to decide
-- column first_event: earliest bounce counted, UTC
-- column last_event: latest bounce counted, UTC
WITH messages AS (
    SELECT
        account, job, subscriber_key, count(*) AS bounces,
        max(CASE WHEN hardness = 'hard' THEN 1 ELSE 0 END) AS is_hard,
        max(CASE WHEN hardness = 'soft' THEN 1 ELSE 0 END) AS is_soft,
        max(CASE WHEN hardness = 'block' THEN 1 ELSE 0 END) AS is_block,
        max(CASE WHEN reason = 'unclassified' THEN 1 ELSE 0 END) AS is_unclassified,
        min(event_time) AS first_event, max(event_time) AS last_event,
        CASE WHEN $provider IS NULL AND $domain IS NULL THEN has_sent
            ELSE has_sent_by_domain END AS is_counted
    FROM judged
    WHERE event_time >= $since - INTERVAL 2 DAY
        AND send_day >= $first_day AND send_day < $end_day
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
        AND ($reason IS NULL OR reason = $reason)
        AND ($reason_group IS NULL OR reason_group = $reason_group)
    GROUP BY account, job, subscriber_key, is_counted
), bounced AS (
    SELECT
        sum(bounces) AS bounces, count(*) AS bounced,
        sum(is_hard) AS hard, sum(is_soft) AS soft, sum(is_block) AS block,
        sum(is_unclassified) AS unclassified,
        min(first_event) AS first_event, max(last_event) AS last_event,
        sum(CASE WHEN is_counted THEN 0 ELSE 1 END) AS uncounted
    FROM messages
), people AS (
    SELECT count(*) AS addresses FROM (SELECT DISTINCT account, subscriber_key FROM messages) AS p
), mailed AS (
    SELECT sum(sent) AS sent
    FROM sent
    WHERE day >= $first_day AND day < $end_day
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
)
SELECT
    CAST(coalesce(b.bounces, 0) AS BIGINT) AS bounces,
    CAST(coalesce(b.bounced, 0) AS BIGINT) AS bounced,
    CAST(coalesce(b.uncounted, 0) AS BIGINT) AS uncounted,
    CAST(m.sent AS BIGINT) AS sent,
    CAST(coalesce(b.bounced - b.uncounted, 0) AS DOUBLE) / nullif(m.sent, 0) AS rate,
    p.addresses,
    CAST(coalesce(b.hard, 0) AS BIGINT) AS hard,
    CAST(coalesce(b.soft, 0) AS BIGINT) AS soft,
    CAST(coalesce(b.block, 0) AS BIGINT) AS block,
    CAST(coalesce(b.unclassified, 0) AS BIGINT) AS unclassified,
    b.first_event, b.last_event
FROM bounced AS b CROSS JOIN people AS p CROSS JOIN mailed AS m
