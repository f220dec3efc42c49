-- title: Two periods or campaigns compared
-- asks: Why is the bounce rate another one than before?
-- denominator: messages sent on either side; to the provider for its rates, all for the difference
-- note: cohort: a bounce belongs to the day its message was sent; a message counts once, for its last reply
-- note: before is the other side: another period, job or campaign
-- note: of each difference, rate_effect is what the provider refused more or less, mix_effect that more or less of the mail went to it; the differences of all rows add up to that of the whole rates
-- note: jobs whose sent count is not known are left out; where it is not known by domain, the provider is 'not known'
-- column provider: who runs the receiving mailbox
-- column reason: what the reply means
-- column rate_before [share] (detail): bounced_before / sent_before
-- column rate_after [share] (detail): bounced_after / sent_after
-- column difference [points]: what the row adds to the difference of the whole rates
-- column low [points] (detail): lower end of the difference's 95 % interval (Newcombe)
-- column high [points] (detail): upper end of the difference's 95 % interval (Newcombe)
-- column rate_effect [points]: of it, by another rate at the same mix
-- column mix_effect [points]: of it, by another mix at the same rate
-- column bounced_before [messages] (detail): messages that bounced before
-- column sent_before [messages] (detail): messages sent to the provider before
-- column bounced_after [messages] (detail): messages that bounced now
-- column sent_after [messages] (detail): messages sent to the provider now
WITH sides AS (
    SELECT
        b.account, b.job, b.person, b.reason, b.last_time, b.batch, b.has_sent_by_domain,
        b.provider, b.is_cell, b.bounces,
        CASE WHEN b.send_day >= $first_day AND b.send_day < $end_day
            AND ($job IS NULL OR b.job = $job) AND ($campaign IS NULL OR b.campaign = $campaign)
            THEN 1 ELSE 0 END AS is_after,
        CASE WHEN b.send_day >= $other_first_day AND b.send_day < $other_end_day
            AND ($other_job IS NULL OR b.job = $other_job)
            AND ($other_campaign IS NULL OR b.campaign = $other_campaign)
            THEN 1 ELSE 0 END AS is_before
    FROM tallied AS b
    WHERE CASE WHEN $provider IS NULL AND $domain IS NULL THEN b.has_sent
            ELSE b.has_sent_by_domain END
        AND b.last_time >= CAST(least($first_day, $other_first_day) AS TIMESTAMPTZ) - INTERVAL 2 DAY
        AND ($account IS NULL OR b.account = $account)
        AND ($provider IS NULL OR b.provider = $provider) AND ($domain IS NULL OR b.domain = $domain)
        AND ($reason IS NULL OR b.reason = $reason)
        AND ($reason_group IS NULL OR b.reason_group = $reason_group)
        AND ($hardness IS NULL OR b.hardness = $hardness)
        AND ($sender_domain IS NULL OR b.sender_domain = $sender_domain)
), lasts AS (
    SELECT
        has_sent_by_domain, provider, reason, is_after, is_before, 1 AS messages,
        row_number() OVER (
            PARTITION BY account, job, person, is_after, is_before
            ORDER BY last_time DESC, batch DESC
        ) AS place
    FROM sides WHERE NOT is_cell AND is_after + is_before > 0
    UNION ALL
    SELECT
        has_sent_by_domain, provider, reason, is_after, is_before, bounces AS messages, 1 AS place
    FROM sides WHERE is_cell AND is_after + is_before > 0
), refused AS (
    SELECT
        CASE WHEN has_sent_by_domain THEN provider ELSE 'not known' END AS provider, reason,
        CAST(sum(messages * is_before) AS DOUBLE) AS k1,
        CAST(sum(messages * is_after) AS DOUBLE) AS k2
    FROM lasts WHERE place = 1
    GROUP BY CASE WHEN has_sent_by_domain THEN provider ELSE 'not known' END, reason
), mailed AS (
    SELECT
        coalesce(s.provider, 'not known') AS provider,
        CAST(sum(CASE WHEN s.day >= $other_first_day AND s.day < $other_end_day
            AND ($other_job IS NULL OR s.job = $other_job)
            AND ($other_campaign IS NULL OR f.campaign = $other_campaign)
            THEN s.sent ELSE 0 END) AS DOUBLE) AS n1,
        CAST(sum(CASE WHEN s.day >= $first_day AND s.day < $end_day
            AND ($job IS NULL OR s.job = $job) AND ($campaign IS NULL OR f.campaign = $campaign)
            THEN s.sent ELSE 0 END) AS DOUBLE) AS n2
    FROM sent AS s
    LEFT JOIN job_facts AS f ON f.account = s.account AND f.job = s.job
    WHERE ($account IS NULL OR s.account = $account)
        AND ($provider IS NULL OR s.provider = $provider) AND ($domain IS NULL OR s.domain = $domain)
        AND ($sender_domain IS NULL OR f.sender_domain = $sender_domain)
    GROUP BY coalesce(s.provider, 'not known')
), wholes AS (
    SELECT nullif(sum(n1), 0) AS all1, nullif(sum(n2), 0) AS all2 FROM mailed
), parts AS (
    SELECT
        c.provider, c.reason, c.k1, c.k2, coalesce(m.n1, 0) AS n1, coalesce(m.n2, 0) AS n2,
        w.all1, w.all2, c.k2 / w.all2 - c.k1 / w.all1 AS difference
    FROM refused AS c
    LEFT JOIN mailed AS m ON m.provider = c.provider
    CROSS JOIN wholes AS w
), split AS (
    SELECT
        *,
        CASE
            WHEN n1 > 0 AND n2 > 0 THEN (n2 / all2 - n1 / all1) * (k1 / n1 + k2 / n2) / 2
            WHEN n1 = 0 AND n2 = 0 THEN 0 * difference
            ELSE difference  -- mailed on one side only: all of it is the mix
        END AS mix_effect,
        least(k1, all1) / all1 AS part1, {low k1 of all1} AS low1, {high k1 of all1} AS high1,
        least(k2, all2) / all2 AS part2, {low k2 of all2} AS low2, {high k2 of all2} AS high2
    FROM parts
)
SELECT
    provider, reason, k1 / nullif(n1, 0) AS rate_before, k2 / nullif(n2, 0) AS rate_after,
    difference,
    difference - sqrt((part2 - low2) * (part2 - low2) + (high1 - part1) * (high1 - part1)) AS low,
    difference + sqrt((high2 - part2) * (high2 - part2) + (part1 - low1) * (part1 - low1)) AS high,
    difference - mix_effect AS rate_effect, mix_effect,
    CAST(k1 AS BIGINT) AS bounced_before, CAST(n1 AS BIGINT) AS sent_before,
    CAST(k2 AS BIGINT) AS bounced_after, CAST(n2 AS BIGINT) AS sent_after
FROM split
ORDER BY abs(difference) DESC NULLS LAST, provider, reason
