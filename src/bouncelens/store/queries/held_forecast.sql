-- title: Who will be held
-- asks: Whom will Marketing Cloud move to Held within the next days, if mail goes on as it did?
-- for: machinery
-- denominator: none: subscribers, the soonest first, `limit` of them
-- note: `bouncelens suppress forecast` gives its rule, the policy sfmc, as the tables policy_rules and policy_kinds; without them nobody is named
-- note: assumed: who bounced within the last two gaps goes on being mailed once in a gap, and every such message bounces as the last one did
-- note: a gap is gap_days, else the account's median of days between two bounced messages to the same person, else seven days
-- note: only who is Bounced now, or of whom no status is known; who opened since is Active again
-- column account (detail): MID of the business unit
-- column subscriber_key: SFMC SubscriberKey
-- column provider (detail): who runs the receiving mailbox, or 'other'
-- column reason: what the last reply means
-- column hardness (detail): of the last reply
-- column status (detail): the subscriber's status in SFMC; NULL where it is not known
-- column bounces [events]: bounces that count so far
-- column first_time (detail): the first of them, UTC
-- column last_time: the last of them, UTC
-- column gap_days [days] (detail): days between two messages to the person, as assumed
-- column further [events]: bounces that are lacking; 0: the rule is met, and it is not held yet
-- column due_time: when it will be held, UTC; the last bounce where the rule is met
WITH counted AS (
    SELECT
        j.account, j.subscriber_key, j.provider, j.reason, j.hardness, j.event_time, j.send_day,
        k.rule_no, k.weight, r.needed, r.distinct_days, r.min_span_days, s.status, s.last_delivery,
        row_number() OVER (
            PARTITION BY j.account, j.subscriber_key, k.rule_no
            ORDER BY j.event_time DESC, j.job, j.batch
        ) AS place,
        lag(j.send_day) OVER (
            PARTITION BY j.account, j.subscriber_key, k.rule_no
            ORDER BY j.event_time, j.job, j.batch
        ) AS day_before
    FROM judged AS j
    INNER JOIN policy_kinds AS k
        ON k.account = j.account AND k.provider = j.provider AND k.reason = j.reason
        AND k.reason_group = j.reason_group AND k.hardness = j.hardness
        AND k.sfmc_category = coalesce(j.sfmc_category, '')
    INNER JOIN policy_rules AS r ON r.rule_no = k.rule_no
    LEFT JOIN subscribers AS s
        ON s.account = j.account AND s.subscriber_key = j.subscriber_key
    WHERE r.action <> 'never' AND j.event_time <= $now AND j.event_time >= r.recent_since
        AND j.event_time >= $since AND j.event_time < $until
        AND ($account IS NULL OR j.account = $account) AND ($job IS NULL OR j.job = $job)
        AND ($provider IS NULL OR j.provider = $provider)
        AND ($domain IS NULL OR j.domain = $domain)
        AND ($reason IS NULL OR j.reason = $reason)
        AND ($reason_group IS NULL OR j.reason_group = $reason_group)
        AND NOT coalesce(j.is_false_bounce, false)
        AND NOT (r.by_delivery AND coalesce(s.last_delivery >= j.event_time, false))
        AND NOT (r.by_open AND coalesce(s.last_open >= j.event_time, false))
        AND NOT (r.by_click AND coalesce(s.last_click >= j.event_time, false))
), gaps AS (
    SELECT account, CAST(round(median(days)) AS BIGINT) AS gap
    FROM (
        SELECT account, date_diff('day', day_before, send_day) AS days
        FROM counted WHERE send_day > day_before
    ) AS apart
    GROUP BY account
), people AS (
    SELECT
        account, subscriber_key, rule_no, count(*) AS bounces, sum(weight) AS score,
        count(DISTINCT send_day) AS days, min(event_time) AS first_time,
        max(event_time) AS last_time, max(needed) AS needed, max(distinct_days) AS distinct_days,
        max(min_span_days) AS min_span_days, max(status) AS status,
        max(last_delivery) AS last_delivery,
        max(CASE WHEN place = 1 THEN provider END) AS provider,
        max(CASE WHEN place = 1 THEN reason END) AS reason,
        max(CASE WHEN place = 1 THEN hardness END) AS hardness
    FROM counted
    GROUP BY account, subscriber_key, rule_no
), going AS (
    SELECT
        p.*, coalesce($gap_days, g.gap, 7) AS gap_days,
        greatest(
            epoch(p.last_time) + 86400 * coalesce($gap_days, g.gap, 7),
            epoch(CAST($now AS TIMESTAMPTZ))
        ) AS next_s,
        epoch(p.first_time) + 86400 * p.min_span_days AS span_s
    FROM people AS p
    LEFT JOIN gaps AS g ON g.account = p.account
    WHERE (p.status IS NULL OR p.status = 'bounced')
        AND NOT coalesce(p.last_delivery > p.last_time, false)
), lacking AS (
    SELECT
        *,
        CAST(greatest(
            needed - score, distinct_days - days, 0,
            CASE
                WHEN epoch(last_time) >= span_s THEN 0
                ELSE greatest(1, 1 + ceil((span_s - next_s) / (86400.0 * gap_days)))
            END
        ) AS BIGINT) AS further
    FROM going
    WHERE epoch(last_time) >= epoch(CAST($now AS TIMESTAMPTZ)) - 2 * 86400 * gap_days
), due AS (
    SELECT
        *,
        CASE
            WHEN further = 0 THEN last_time
            ELSE TIMESTAMPTZ '1970-01-01 00:00:00+00'
                + CAST(next_s + 86400 * gap_days * (further - 1) AS BIGINT) * INTERVAL 1 SECOND
        END AS due_time,
        row_number() OVER (
            PARTITION BY account, subscriber_key ORDER BY further, rule_no
        ) AS choice
    FROM lacking
)
SELECT
    account, subscriber_key, provider, reason, hardness, status, bounces, first_time, last_time,
    gap_days, further, due_time
FROM due
WHERE choice = 1 AND due_time < CAST($now AS TIMESTAMPTZ) + $days * INTERVAL 1 DAY
ORDER BY due_time, account, subscriber_key
LIMIT $limit
