-- title: First and repeated bouncers by day
-- asks: Do new addresses bounce, or the same ones again and again?
-- denominator: addresses that bounced on that day
-- note: event time: a bounce belongs to the day it came; an address is new on the day of its first bounce of all that are stored
-- with: asked
-- column day: day of the bounce event, UTC
-- column addresses [addresses]: distinct accounts and subscribers that bounced
-- column first [addresses]: of them, those that never bounced on a day before
-- column again [addresses]: those that did
-- column share [share]: again / addresses
WITH people AS (
    SELECT DISTINCT event_day AS day, account, subscriber_key FROM asked
), firsts AS (
    SELECT account, subscriber_key, min(event_day) AS first_day
    FROM bounces GROUP BY account, subscriber_key
), counted AS (
    SELECT
        p.day, count(*) AS addresses,
        CAST(sum(CASE WHEN f.first_day = p.day THEN 1 ELSE 0 END) AS BIGINT) AS first
    FROM people AS p
    INNER JOIN firsts AS f ON f.account = p.account AND f.subscriber_key = p.subscriber_key
    GROUP BY p.day
)
SELECT
    day, addresses, first, addresses - first AS again,
    CAST(addresses - first AS DOUBLE) / addresses AS share
FROM counted
ORDER BY day
