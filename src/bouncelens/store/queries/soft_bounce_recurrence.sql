-- title: Soft bounces that come again
-- asks: How often does an address that bounced softly do so again, and what becomes of it?
-- denominator: addresses that bounced softly in the window
-- note: event time: soft bounces that came in the window; what came after them, whenever
-- with: asked
-- column messages: how many of an address's messages bounced softly
-- column addresses [addresses]: distinct accounts and subscribers
-- column share [share]: addresses / those of all rows
-- column over_15_days [addresses]: of them, those whose first and last soft bounce are 15 days or more apart: SFMC holds an address after three bounces over so long
-- column hard_later [addresses]: those with a hard bounce after the first soft one
-- column alive_later [addresses]: those that opened, clicked or took a message after the last one
-- column held [addresses]: those that SFMC holds now
WITH sent_soft AS (
    SELECT
        account, subscriber_key, job, batch, min(event_time) AS first_soft, max(event_time) AS last_soft
    FROM asked
    WHERE hardness = 'soft'
    GROUP BY account, subscriber_key, job, batch
), soft AS (
    SELECT
        account, subscriber_key, count(*) AS messages, min(first_soft) AS first_soft,
        max(last_soft) AS last_soft
    FROM sent_soft
    GROUP BY account, subscriber_key
), hard AS (
    SELECT account, subscriber_key, max(event_time) AS last_hard
    FROM judged WHERE hardness = 'hard'
    GROUP BY account, subscriber_key
), people AS (
    SELECT
        CASE WHEN p.messages < 4 THEN p.messages WHEN p.messages < 10 THEN 4 ELSE 10 END AS size,
        CASE WHEN p.last_soft >= p.first_soft + INTERVAL 15 DAY THEN 1 ELSE 0 END AS is_long,
        CASE WHEN h.last_hard > p.first_soft THEN 1 ELSE 0 END AS is_hard,
        CASE WHEN s.last_open > p.last_soft OR s.last_click > p.last_soft
            OR s.last_delivery > p.last_soft THEN 1 ELSE 0 END AS is_alive,
        CASE WHEN s.status = 'held' THEN 1 ELSE 0 END AS is_held
    FROM soft AS p
    LEFT JOIN hard AS h ON h.account = p.account AND h.subscriber_key = p.subscriber_key
    LEFT JOIN subscribers AS s ON s.account = p.account AND s.subscriber_key = p.subscriber_key
), counted AS (
    SELECT
        size, count(*) AS addresses, sum(is_long) AS is_long, sum(is_hard) AS is_hard,
        sum(is_alive) AS is_alive, sum(is_held) AS is_held
    FROM people GROUP BY size
)
SELECT
    CASE size WHEN 4 THEN '4 to 9' WHEN 10 THEN '10 or more' ELSE CAST(size AS VARCHAR) END AS messages,
    addresses, CAST(addresses AS DOUBLE) / sum(addresses) OVER () AS share,
    CAST(is_long AS BIGINT) AS over_15_days, CAST(is_hard AS BIGINT) AS hard_later,
    CAST(is_alive AS BIGINT) AS alive_later, CAST(is_held AS BIGINT) AS held
FROM counted
ORDER BY size
