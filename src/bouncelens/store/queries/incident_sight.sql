-- title: Whether signs of life are known
-- asks: Of how many people who bounced is it known whether they open, click or are delivered to?
-- for: machinery
-- denominator: none: people
-- note: only the query route tells; where nobody is seen, a false-bounce incident is not noticed
-- column account: MID of the business unit
-- column people: people who bounced
-- column seen: of them, those with a last delivery, open or click
-- column last_sign: the latest delivery among them, or else open or click, UTC
WITH people AS (
    SELECT DISTINCT account, subscriber_key FROM judged
    WHERE event_time >= $since AND event_time < $until
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
        AND ($reason IS NULL OR reason = $reason)
        AND ($reason_group IS NULL OR reason_group = $reason_group)
)
SELECT
    p.account, count(*) AS people,
    count(coalesce(s.last_delivery, s.last_open, s.last_click)) AS seen,
    max(coalesce(s.last_delivery, s.last_open, s.last_click)) AS last_sign
FROM people AS p
LEFT JOIN subscribers AS s ON s.account = p.account AND s.subscriber_key = p.subscriber_key
GROUP BY p.account
ORDER BY p.account
