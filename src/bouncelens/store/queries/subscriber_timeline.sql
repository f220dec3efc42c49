-- title: Everything known about a subscriber
-- asks: What happened to this person, in order?
-- denominator: none: events, one row each
-- note: say who by `subscriber`: a SubscriberKey, or an address; without it there are no rows
-- note: what we planned, applied and took back, and incidents that hold the address, come from the ledger; a plan that nobody applied is not among it
-- note: of deliveries, opens, clicks, complaints and unsubscribes only the last of each is kept
-- with: asked
-- column time: when it happened, UTC
-- column event: joined, bounced, delivered, opened, clicked, complained, unsubscribed, held, or the present status; of ours planned, suppressed, renewed, released, undone, incident began and ended
-- column reason: what the reply means
-- column hardness: hard, soft, block, none or unknown
-- column told: the server's reply, or what we did and why
-- column campaign: name of the e-mail; NULL where it is not known
-- column job: SFMC JobID
-- columns: account
-- column subscriber_key (detail): SFMC SubscriberKey
-- column sfmc_category (detail): SFMC's BounceCategory
-- column provider (detail): who runs the receiving mailbox
-- column is_false_bounce (detail): SFMC saw a delivery receipt after the bounce
-- column rule (detail): the rule that decided
-- column routes (detail): which routes told of it
WITH who AS (
    SELECT account, subscriber_key FROM bounces
    WHERE subscriber_key = $subscriber OR lower(address) = lower($subscriber)
    UNION
    SELECT account, subscriber_key FROM subscribers
    WHERE subscriber_key = $subscriber OR lower(address) = lower($subscriber)
), people AS (
    SELECT s.* FROM subscribers AS s
    INNER JOIN who AS w ON w.account = s.account AND w.subscriber_key = s.subscriber_key
    WHERE ($account IS NULL OR s.account = $account)
), signs AS (
    SELECT joined_time AS time, 'joined' AS event, account, subscriber_key FROM people
    UNION ALL SELECT last_delivery, 'delivered', account, subscriber_key FROM people
    UNION ALL SELECT last_open, 'opened', account, subscriber_key FROM people
    UNION ALL SELECT last_click, 'clicked', account, subscriber_key FROM people
    UNION ALL SELECT complained_time, 'complained', account, subscriber_key FROM people
    UNION ALL SELECT unsubscribed_time, 'unsubscribed', account, subscriber_key FROM people
    UNION ALL SELECT held_time, 'held', account, subscriber_key FROM people
    UNION ALL SELECT status_time, 'status ' || status, account, subscriber_key FROM people
), events AS (
    SELECT
        a.event_time AS time, 'bounced' AS event, a.account, a.subscriber_key, a.job, a.batch,
        a.campaign, a.reason, a.hardness, a.sfmc_category, a.reply_text AS told, a.provider,
        a.is_false_bounce, a.rule, a.routes
    FROM asked AS a
    INNER JOIN who AS w ON w.account = a.account AND w.subscriber_key = a.subscriber_key
    UNION ALL
    SELECT
        time, event, account, subscriber_key, NULL AS job, NULL AS batch, NULL AS campaign,
        NULL AS reason, NULL AS hardness, NULL AS sfmc_category, NULL AS told, NULL AS provider,
        NULL AS is_false_bounce, NULL AS rule, NULL AS routes
    FROM signs
    WHERE event IS NOT NULL AND time >= $since AND time < $until
)
SELECT
    time, event, reason, hardness, told, campaign, job, account, subscriber_key, sfmc_category,
    provider, is_false_bounce, rule, routes
FROM events
ORDER BY time, event, account, subscriber_key, job, batch
