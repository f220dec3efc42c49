-- title: Held by day
-- asks: When did Marketing Cloud stop mailing those it holds now?
-- denominator: none: addresses
-- note: only who is held now: who was held and is active again is not known
-- column day: the day from which they are held, UTC; NULL: not known
-- column addresses [addresses]: accounts and subscribers held now
WITH narrowed AS (
    SELECT account, subscriber_key FROM judged
    WHERE event_time >= $since AND event_time < $until
        AND (job = $job OR provider = $provider OR domain = $domain OR reason = $reason
            OR reason_group = $reason_group)
)
SELECT CAST(s.held_time AS DATE) AS day, count(*) AS addresses
FROM subscribers AS s
WHERE s.status = 'held' AND ($account IS NULL OR s.account = $account)
    AND (
        ($job IS NULL AND $provider IS NULL AND $domain IS NULL AND $reason IS NULL
            AND $reason_group IS NULL)
        OR EXISTS (
            SELECT 1 FROM narrowed AS n
            WHERE n.account = s.account AND n.subscriber_key = s.subscriber_key
        )
    )
GROUP BY day
ORDER BY day
