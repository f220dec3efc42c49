-- title: Ours and SFMC's own counts
-- asks: Did every bounce arrive that SFMC counts?
-- for: machinery
-- denominator: none: two counts of the same events side by side
-- note: jobs sent within the window; SFMC's count is HardBounces + SoftBounces + OtherBounces of its Send object, as of the last pull
-- note: SFMC cannot narrow its count, so there is no answer for one provider, domain, reason or group
-- column account: MID of the business unit
-- column job: SFMC JobID
-- column campaign: name of the e-mail; NULL where it is not known
-- column sent_time: when the send started, UTC
-- column stored [events]: bounce events in the lake
-- column counted [events]: bounce events by SFMC's count
-- column difference [events]: stored - counted; below zero: some have not arrived
WITH stored AS (
    SELECT account, job, sum(bounces) AS stored
    FROM tallied
    WHERE first_time >= $since
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
        AND ($reason IS NULL OR reason = $reason)
        AND ($reason_group IS NULL OR reason_group = $reason_group)
    GROUP BY account, job
), counted AS (
    SELECT
        account, job, email_name AS campaign, sent_time,
        coalesce(hard_bounces, 0) + coalesce(soft_bounces, 0) + coalesce(other_bounces, 0)
            AS counted
    FROM jobs
    WHERE sent_time >= $since AND sent_time < $until AND hard_bounces IS NOT NULL
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND $provider IS NULL AND $domain IS NULL
        AND $reason IS NULL AND $reason_group IS NULL
)
SELECT
    c.account, c.job, c.campaign, c.sent_time,
    CAST(coalesce(s.stored, 0) AS BIGINT) AS stored,
    CAST(c.counted AS BIGINT) AS counted,
    CAST(coalesce(s.stored, 0) - c.counted AS BIGINT) AS difference
FROM counted AS c LEFT JOIN stored AS s ON s.account = c.account AND s.job = c.job
ORDER BY abs(difference) DESC, c.sent_time, c.account, c.job
LIMIT $limit
