-- title: People who left
-- asks: Who unsubscribed or complained?
-- for: machinery
-- denominator: none: people
-- note: they are never made mailable again; of those who did so while no query looked, nothing is known
-- column account: MID of the business unit
-- column subscriber_key: SFMC SubscriberKey
-- column address: the address now
WITH narrowed AS (
    SELECT account, subscriber_key FROM judged
    WHERE event_time >= $since AND event_time < $until
        AND (job = $job OR provider = $provider OR domain = $domain OR reason = $reason
            OR reason_group = $reason_group)
)
SELECT s.account, s.subscriber_key, s.address
FROM subscribers AS s
WHERE ($account IS NULL OR s.account = $account)
    AND (s.unsubscribed_time IS NOT NULL OR s.complained_time IS NOT NULL
        OR s.status = 'unsubscribed')
    AND (
        ($job IS NULL AND $provider IS NULL AND $domain IS NULL AND $reason IS NULL
            AND $reason_group IS NULL)
        OR EXISTS (
            SELECT 1 FROM narrowed AS n
            WHERE n.account = s.account AND n.subscriber_key = s.subscriber_key
        )
    )
ORDER BY s.account, s.subscriber_key
