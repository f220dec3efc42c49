-- title: Who is behind an address
-- asks: What does Marketing Cloud say of one address, or one subscriber key?
-- for: machinery
-- denominator: none: people
-- note: SFMC cannot narrow it to a job, provider, domain or reason; without an address there is no answer
-- column account: MID of the business unit
-- column subscriber_key: SFMC SubscriberKey
-- column address: the address now
-- column status: active, bounced, held or unsubscribed; NULL where it has no such subscriber
-- column sfmc_bounces: SFMC's own count
-- column held_time: when SFMC stopped mailing, UTC
-- column unsubscribed_time: the last unsubscribe, UTC
-- column complained_time: the last complaint, UTC
-- column last_open: the last open, UTC
-- column last_click: the last click, UTC
-- column last_delivery: when the last message was sent that did not come back, UTC
SELECT
    account, subscriber_key, address, status, sfmc_bounces, held_time, unsubscribed_time,
    complained_time, last_open, last_click, last_delivery
FROM subscribers
WHERE (lower(address) = lower($address) OR subscriber_key = $address)
    AND ($account IS NULL OR account = $account)
    AND $since < $until AND $job IS NULL AND $provider IS NULL AND $domain IS NULL
    AND $reason IS NULL AND $reason_group IS NULL
ORDER BY account, subscriber_key
