-- title: Histories that may end in a suppression
-- asks: What happened to each address that was refused for its own sake?
-- for: machinery
-- denominator: none: events, in order
-- note: all bounces of addresses with at least one hard or soft verdict among those asked for
-- column account: MID of the business unit
-- column subscriber_key: SFMC SubscriberKey
-- column address: the address mailed, where a route told it
-- column job: SFMC JobID
-- column batch: SFMC BatchID
-- column event_time: when it bounced, UTC
-- column reason: what the reply means
-- column reason_group: its family
-- column hardness: hard, soft, block, none or unknown
-- column is_temporary: the server said: try again
-- column rule: the rule that decided
-- column is_false_bounce: SFMC saw a delivery receipt after the bounce
WITH chosen AS (
    SELECT * FROM judged
    WHERE event_time >= $since AND event_time < $until
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
        AND ($reason IS NULL OR reason = $reason)
        AND ($reason_group IS NULL OR reason_group = $reason_group)
), candidates AS (
    SELECT DISTINCT account, subscriber_key FROM chosen WHERE hardness IN ('hard', 'soft')
)
SELECT
    c.account, c.subscriber_key, c.address, c.job, c.batch, c.event_time, c.reason, c.reason_group,
    c.hardness, c.is_temporary, c.rule, coalesce(c.is_false_bounce, false) AS is_false_bounce
FROM chosen AS c
INNER JOIN candidates AS k ON k.account = c.account AND k.subscriber_key = c.subscriber_key
ORDER BY c.account, c.subscriber_key, c.event_time, c.job, c.batch
