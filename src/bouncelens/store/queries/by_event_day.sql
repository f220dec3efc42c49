-- title: Bounces by the day they came
-- asks: When did the refusals arrive?
-- denominator: none: counts only, as mail sent on other days is among them
-- note: event time: a bounce belongs to the day it came; for rates see overview
-- with: asked
-- column day: day of the bounce event, UTC
-- columns: reason_group, bounces
-- column addresses [addresses]: distinct accounts and subscribers among them
WITH people AS (
    SELECT event_day AS day, reason_group, account, subscriber_key, count(*) AS bounces
    FROM asked
    GROUP BY event_day, reason_group, account, subscriber_key
)
SELECT day, reason_group, CAST(sum(bounces) AS BIGINT) AS bounces, count(*) AS addresses
FROM people
GROUP BY day, reason_group
ORDER BY day, reason_group
