-- title: Span of the history
-- asks: From when to when are there bounces, and of how many people is anything else known?
-- for: machinery
-- denominator: none: one row, none in an empty lake
-- note: event time: bounces that came in the window
-- with: asked
-- column bounces [events]: bounce events
-- column first_event: the first, UTC
-- column last_event: the last, UTC
-- column people [addresses]: subscribers of whom Marketing Cloud told status or signs of life; of all times
SELECT
    count(*) AS bounces, min(event_time) AS first_event, max(event_time) AS last_event,
    (SELECT count(*) FROM subscribers AS s WHERE $account IS NULL OR s.account = $account) AS people
FROM asked
HAVING count(*) > 0
ORDER BY bounces
