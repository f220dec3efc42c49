-- title: Bounces of an address
-- asks: What happened to one address, or one subscriber key?
-- for: machinery
-- denominator: none: events, in order
-- note: the address may stand for several subscribers and business units; without one there is no answer
-- column account: MID of the business unit
-- column subscriber_key: SFMC SubscriberKey
-- column address: the address mailed, where a route told it
-- column job: SFMC JobID
-- column batch: SFMC BatchID
-- column event_time: when it bounced, UTC
-- column send_day: when the message was sent, UTC
-- column provider: who runs the receiving mailbox, or 'other'
-- column reason: what the reply means
-- column reason_group: its family
-- column hardness: hard, soft, block, none or unknown
-- column is_temporary: the server said: try again
-- column rule: the rule that decided
-- column is_false_bounce: SFMC saw a delivery receipt after the bounce
-- column sfmc_category: SFMC's own category, empty where it told none
-- column reply_text: the server's words
SELECT
    account, subscriber_key, address, job, batch, event_time, send_day, provider, reason,
    reason_group, hardness, is_temporary, rule, coalesce(is_false_bounce, false) AS is_false_bounce,
    coalesce(sfmc_category, '') AS sfmc_category, reply_text
FROM judged
WHERE (lower(address) = lower($address) OR subscriber_key = $address)
    AND event_time >= $since AND event_time < $until
    AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
    AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
    AND ($reason IS NULL OR reason = $reason)
    AND ($reason_group IS NULL OR reason_group = $reason_group)
ORDER BY account, subscriber_key, event_time, job, batch
