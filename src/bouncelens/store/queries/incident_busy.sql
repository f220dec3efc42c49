-- title: Hard refusals by hour
-- asks: How many did one provider refuse in an hour?
-- for: machinery
-- denominator: none: events
-- note: an hour begins at the full hour, UTC; which provider it was does not matter
-- column hour: hour, counted from 1970, UTC
-- column refused [events]: hard refusals by the provider with the most of them
SELECT hour, max(refused) AS refused
FROM (
    SELECT
        provider, CAST(floor(epoch(event_time) / 3600) AS BIGINT) AS hour,
        CAST(count(*) AS BIGINT) AS refused
    FROM judged
    WHERE event_time >= $since AND event_time < $until
        AND hardness = 'hard' AND NOT is_temporary
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
        AND ($reason IS NULL OR reason = $reason)
        AND ($reason_group IS NULL OR reason_group = $reason_group)
    GROUP BY provider, CAST(floor(epoch(event_time) / 3600) AS BIGINT)
) AS hours
GROUP BY hour
ORDER BY hour
