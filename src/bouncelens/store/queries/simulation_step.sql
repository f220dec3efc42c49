-- title: One step of a simulated policy
-- asks: Whom would a policy have suppressed on a day gone by, and what came of them?
-- for: machinery
-- denominator: none: addresses, one each
-- note: the policy as of other_since is given as the tables policy_rules and policy_kinds; without them nobody is suppressed
-- note: decided from what was known then; sign, last_sign, sent and sent_hard say what came later, and decide nothing
-- note: a receipt is a bounce that Marketing Cloud found to be false, as of the day on which that is taken for known
-- note: sent counts messages that bounced; one that was neither returned nor the last delivery known cannot be seen
-- with: suppressions
-- column account: MID of the business unit
-- column subscriber_key: SFMC SubscriberKey
-- column provider: who runs the receiving mailbox, or 'other'
-- column reason: what the reply that tipped the scale means
-- column basis: at_once, after_recurrence, second_day, silence or provisional
-- column until_time: when the policy tries the address again, UTC; NULL: never
-- column sign: the surest sign of life since then: click, open, delivery or receipt; NULL: none
-- column last_sign: the last sign of life, UTC, where there is one since then
-- column is_moved: the subscriber's address is another now than the one that bounced
-- column sent [messages]: sent from other_since to other_until, while suppressed, and returned
-- column sent_hard [messages]: of them, those returned with a hard reply
WITH dated AS (
    SELECT
        p.account, p.subscriber_key, p.address, p.provider, p.reason, p.basis,
        CASE
            WHEN p.basis = 'provisional' THEN p.last_time + (r.known_until - r.grey_since)
            WHEN r.holds_since > TIMESTAMPTZ '1900-01-02 00:00:00+00'
                THEN p.last_time + (r.known_until - r.holds_since)
        END AS until_time
    FROM suppressed AS p
    INNER JOIN policy_rules AS r ON r.rule_no = p.rule_no
), settling AS (
    SELECT max(known_until - settled_until) AS span FROM policy_rules
), receipts AS (
    SELECT b.account, b.subscriber_key, max(b.event_time + t.span) AS last_receipt
    FROM bounces AS b CROSS JOIN settling AS t
    WHERE b.is_false_bounce AND b.event_time + t.span >= $other_since
    GROUP BY b.account, b.subscriber_key
), returned AS (
    SELECT
        j.account, j.subscriber_key, j.job, j.batch,
        max(CASE WHEN j.hardness = 'hard' THEN 1 ELSE 0 END) AS is_hard
    FROM judged AS j
    INNER JOIN dated AS d ON d.account = j.account AND d.subscriber_key = j.subscriber_key
    WHERE j.event_time > $other_since
        AND j.send_day >= $other_first_day AND j.send_day < $other_end_day
        AND (d.until_time IS NULL OR j.send_day < CAST(d.until_time AS DATE))
        AND NOT coalesce(j.is_false_bounce, false)
    GROUP BY j.account, j.subscriber_key, j.job, j.batch
), counted AS (
    SELECT account, subscriber_key, count(*) AS sent, sum(is_hard) AS sent_hard
    FROM returned
    GROUP BY account, subscriber_key
), known AS (
    SELECT
        d.account, d.subscriber_key, d.provider, d.reason, d.basis, d.until_time,
        CASE
            WHEN s.last_click >= $other_since THEN 'click'
            WHEN s.last_open >= $other_since THEN 'open'
            WHEN s.last_delivery >= $other_since THEN 'delivery'
            WHEN f.last_receipt IS NOT NULL THEN 'receipt'
        END AS sign,
        greatest(s.last_click, s.last_open, s.last_delivery, f.last_receipt) AS last_sign,
        coalesce(lower(s.address) <> lower(d.address), false) AS is_moved,
        coalesce(c.sent, 0) AS sent, coalesce(c.sent_hard, 0) AS sent_hard
    FROM dated AS d
    LEFT JOIN subscribers AS s
        ON s.account = d.account AND s.subscriber_key = d.subscriber_key
    LEFT JOIN receipts AS f
        ON f.account = d.account AND f.subscriber_key = d.subscriber_key
    LEFT JOIN counted AS c
        ON c.account = d.account AND c.subscriber_key = d.subscriber_key
)
SELECT
    account, subscriber_key, provider, reason, basis, until_time, sign,
    CASE WHEN sign IS NOT NULL THEN last_sign END AS last_sign, is_moved,
    CAST(sent AS BIGINT) AS sent, CAST(sent_hard AS BIGINT) AS sent_hard
FROM known
ORDER BY account, subscriber_key
