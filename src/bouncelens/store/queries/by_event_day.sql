-- title: Bounces by the day they came
-- asks: When did the refusals arrive?
-- denominator: none: counts only, as mail sent on other days is among them
-- note: a bounce belongs to the day it came; for rates see overview
-- column day: day of the bounce event, UTC
-- column reason_group: family of reasons
-- column bounces [events]: bounce events
-- column addresses [addresses]: distinct accounts and subscribers among them
WITH people AS (
    SELECT
        event_day AS day, reason_group, account, subscriber_key, count(*) AS bounces
    FROM judged
    WHERE event_time >= $since AND event_time < $until
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
        AND ($reason IS NULL OR reason = $reason)
        AND ($reason_group IS NULL OR reason_group = $reason_group)
    GROUP BY event_day, reason_group, account, subscriber_key
)
SELECT day, reason_group, CAST(sum(bounces) AS BIGINT) AS bounces, count(*) AS addresses
FROM people
GROUP BY day, reason_group
ORDER BY day, reason_group
