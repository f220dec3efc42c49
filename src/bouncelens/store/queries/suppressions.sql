-- title: Suppressions by a policy
-- asks: Which addresses does a policy suppress, on which bounces?
-- for: machinery
-- denominator: none: decisions, one per address
-- note: the policy is given as the tables policy_rules and policy_kinds; without them nobody is suppressed
-- note: hard refusals of a provider during an incident, given as policy_incidents, do not count
-- column account: MID of the business unit
-- column subscriber_key: SFMC SubscriberKey
-- column address: the address mailed, where a route told it
-- column provider: who runs the receiving mailbox, or 'other'
-- column reason: what the reply that tipped the scale means
-- column basis: at_once, after_recurrence, second_day, silence or provisional
-- column rule_no: the rule of the policy, by its place
-- column job: SFMC JobID of the bounce that tipped the scale
-- column batch: its SFMC BatchID
-- column event_time: when it bounced, UTC
-- column rule: the rule that judged its reply
-- column bounces [events]: how many counted, up to that one
-- column days: days on which their messages were sent
-- column first_time: when the first of them bounced, UTC
-- column last_time: when the last one bounced, also after that, UTC
-- column sources: those that counted: job/batch/seconds since 1970, blank between them, in no order
-- column status: the subscriber's status in SFMC; NULL where it is not known
-- column unsubscribed_time: the last unsubscribe, UTC
-- column complained_time: the last complaint, UTC
WITH counted AS (
    SELECT
        j.account, j.subscriber_key, j.address, j.provider, j.reason, j.hardness, j.is_temporary,
        j.job, j.batch, j.event_time, j.send_day, j.rule,
        k.rule_no, k.weight, r.action, r.needed, r.distinct_days, r.min_span_days,
        r.recent_since, r.holds_since, r.quiet_until, r.grey_since
    FROM judged AS j
    INNER JOIN policy_kinds AS k
        ON k.account = j.account AND k.provider = j.provider AND k.reason = j.reason
        AND k.reason_group = j.reason_group AND k.hardness = j.hardness
        AND k.sfmc_category = coalesce(j.sfmc_category, '')
    INNER JOIN policy_rules AS r ON r.rule_no = k.rule_no
    LEFT JOIN subscribers AS s
        ON s.account = j.account AND s.subscriber_key = j.subscriber_key
    WHERE j.event_time <= r.known_until
        AND j.event_time >= $since AND j.event_time < $until
        AND ($account IS NULL OR j.account = $account) AND ($job IS NULL OR j.job = $job)
        AND ($provider IS NULL OR j.provider = $provider)
        AND ($domain IS NULL OR j.domain = $domain)
        AND ($reason IS NULL OR j.reason = $reason)
        AND ($reason_group IS NULL OR j.reason_group = $reason_group)
        AND NOT (coalesce(j.is_false_bounce, false) AND j.event_time <= r.settled_until)
        AND NOT EXISTS (
            SELECT 1 FROM policy_incidents AS i
            WHERE i.provider = j.provider AND j.hardness = 'hard'
                AND j.event_time >= i.starts AND j.event_time < i.ends
                AND (i.job IS NULL OR (i.job = j.job AND i.account = j.account))
        )
        AND NOT (r.by_delivery AND coalesce(
            s.last_delivery >= j.event_time AND s.last_delivery <= r.settled_until, false))
        AND NOT (r.by_open AND coalesce(
            s.last_open >= j.event_time AND s.last_open <= r.known_until, false))
        AND NOT (r.by_click AND coalesce(
            s.last_click >= j.event_time AND s.last_click <= r.known_until, false))
), once AS (
    SELECT
        *, row_number() OVER (
            PARTITION BY account, subscriber_key ORDER BY event_time, job, batch
        ) AS place
    FROM counted
    WHERE action = 'at_once' AND hardness = 'hard' AND NOT is_temporary
        AND event_time > holds_since
), dated AS (
    SELECT
        *, row_number() OVER (
            PARTITION BY account, subscriber_key, rule_no, send_day ORDER BY event_time, job, batch
        ) AS place_of_day
    FROM counted
    WHERE action <> 'at_once' AND event_time >= recent_since
), running AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY account, subscriber_key, rule_no ORDER BY event_time, job, batch
        ) AS place,
        sum(weight) OVER (
            PARTITION BY account, subscriber_key, rule_no ORDER BY event_time, job, batch
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS score,
        sum(CASE WHEN place_of_day = 1 THEN 1 ELSE 0 END) OVER (
            PARTITION BY account, subscriber_key, rule_no ORDER BY event_time, job, batch
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS days,
        min(event_time) OVER (PARTITION BY account, subscriber_key, rule_no) AS first_time,
        max(event_time) OVER (PARTITION BY account, subscriber_key, rule_no) AS last_time,
        count(*) OVER (PARTITION BY account, subscriber_key, rule_no) AS places
    FROM dated
), tips AS (
    SELECT account, subscriber_key, rule_no, min(place) AS tip
    FROM running
    WHERE score >= needed AND days >= distinct_days
        AND event_time >= first_time + min_span_days * INTERVAL 1 DAY
    GROUP BY account, subscriber_key, rule_no
), ends AS (
    SELECT w.*, t.tip
    FROM running AS w
    LEFT JOIN tips AS t
        ON t.account = w.account AND t.subscriber_key = w.subscriber_key AND t.rule_no = w.rule_no
    WHERE w.place = w.places OR w.place = t.tip
), cases AS (
    SELECT
        0 AS stage, 'at_once' AS basis, account, subscriber_key, address, provider, reason, rule_no,
        job, batch, event_time, rule, 1 AS bounces, 1 AS days, event_time AS first_time,
        event_time AS last_time
    FROM once WHERE place = 1
    UNION ALL
    SELECT
        1 AS stage,
        CASE WHEN tip IS NULL THEN 'silence' WHEN action = 'provisional' THEN 'second_day'
            ELSE action END AS basis,
        account, subscriber_key, address, provider, reason, rule_no,
        job, batch, event_time, rule, place AS bounces, days, first_time, last_time
    FROM ends
    WHERE last_time > holds_since
        AND (place = tip OR (tip IS NULL AND place = places AND last_time <= quiet_until))
    UNION ALL
    SELECT
        2 AS stage, 'provisional' AS basis, account, subscriber_key, address, provider, reason,
        rule_no, job, batch, event_time, rule, place AS bounces, days, first_time, last_time
    FROM ends
    WHERE action = 'provisional' AND place = places AND last_time > grey_since
), ranked AS (
    SELECT
        *, row_number() OVER (
            PARTITION BY account, subscriber_key ORDER BY stage, rule_no
        ) AS choice
    FROM cases
), chosen AS (
    SELECT * FROM ranked WHERE choice = 1
), named AS (
    SELECT
        c.account, c.subscriber_key,
        string_agg(
            CAST(w.job AS VARCHAR) || '/' || CAST(w.batch AS VARCHAR) || '/'
            || CAST(CAST(epoch(w.event_time) AS BIGINT) AS VARCHAR), ' '
        ) AS sources
    FROM chosen AS c
    INNER JOIN running AS w
        ON w.account = c.account AND w.subscriber_key = c.subscriber_key
        AND w.rule_no = c.rule_no AND w.place <= c.bounces
    WHERE c.stage > 0
    GROUP BY c.account, c.subscriber_key
)
SELECT
    c.account, c.subscriber_key, c.address, c.provider, c.reason, c.basis, c.rule_no, c.job,
    c.batch, c.event_time, c.rule, CAST(c.bounces AS BIGINT) AS bounces,
    CAST(c.days AS BIGINT) AS days, c.first_time, c.last_time,
    coalesce(n.sources, CAST(c.job AS VARCHAR) || '/' || CAST(c.batch AS VARCHAR) || '/'
        || CAST(CAST(epoch(c.event_time) AS BIGINT) AS VARCHAR)) AS sources,
    s.status, s.unsubscribed_time, s.complained_time
FROM chosen AS c
LEFT JOIN named AS n ON n.account = c.account AND n.subscriber_key = c.subscriber_key
LEFT JOIN subscribers AS s ON s.account = c.account AND s.subscriber_key = c.subscriber_key
ORDER BY c.account, c.subscriber_key
