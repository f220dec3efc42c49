-- title: Jobs beside SFMC's own counts
-- asks: How do our hard, soft and other bounces of each job compare with SFMC's, and what may explain the difference?
-- for: machinery
-- denominator: none: two counts of the same events side by side
-- note: jobs sent within the window, and bounces of jobs that are not known; hard, soft and other as SFMC sorted them
-- note: SFMC's count is that of its Send object as of the last pull; it cannot be narrowed, so there is no answer for one provider, domain, reason or group
-- column account: MID of the business unit
-- column job: SFMC JobID
-- column campaign: name of the e-mail; NULL where it is not known
-- column category: what kind of send SFMC says it is; NULL where it is not known
-- column sent_time: when the send started, UTC; NULL where the job is not known
-- column stored [events]: bounce events in the lake
-- column counted [events]: bounce events by SFMC's count; NULL where SFMC told none
-- column hard [events]: in the lake, sorted as hard by SFMC
-- column hard_counted [events]: by SFMC's count
-- column soft [events]: in the lake, sorted as soft by SFMC
-- column soft_counted [events]: by SFMC's count
-- column other [events]: in the lake, sorted otherwise
-- column other_counted [events]: by SFMC's count
-- column false_bounces [events]: in the lake, delivered after all
-- column repeated [events]: in the lake, of a person who had bounced in this job before
-- column merged [events]: further lists of bounces that came by several lists; one row each in the lake
-- column account_begins: the account's first bounce in the lake, UTC
WITH ours AS (
    SELECT
        account, job, count(*) AS stored,
        sum(CASE WHEN lower(sfmc_category) LIKE 'hard%' THEN 1 ELSE 0 END) AS hard,
        sum(CASE WHEN lower(sfmc_category) LIKE 'soft%' THEN 1 ELSE 0 END) AS soft,
        sum(CASE WHEN is_false_bounce THEN 1 ELSE 0 END) AS false_bounces,
        count(*) - count(DISTINCT subscriber_key) AS repeated,
        sum(CASE WHEN disagreements LIKE '%"field":"list_id"%' THEN 1 ELSE 0 END) AS merged
    FROM judged
    WHERE event_time >= $since
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND $provider IS NULL AND $domain IS NULL AND $reason IS NULL AND $reason_group IS NULL
    GROUP BY account, job
), beginnings AS (
    SELECT account, min(event_time) AS account_begins FROM judged GROUP BY account
), told AS (
    SELECT
        account, job, email_name, category, sent_time, hard_bounces, soft_bounces, other_bounces
    FROM jobs
    WHERE ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND $provider IS NULL AND $domain IS NULL AND $reason IS NULL AND $reason_group IS NULL
), sides AS (
    SELECT
        coalesce(t.account, o.account) AS account, coalesce(t.job, o.job) AS job,
        t.email_name AS campaign, t.category, t.sent_time,
        coalesce(o.stored, 0) AS stored,
        t.hard_bounces + coalesce(t.soft_bounces, 0) + coalesce(t.other_bounces, 0) AS counted,
        coalesce(o.hard, 0) AS hard, t.hard_bounces AS hard_counted,
        coalesce(o.soft, 0) AS soft, t.soft_bounces AS soft_counted,
        coalesce(o.stored - o.hard - o.soft, 0) AS other, t.other_bounces AS other_counted,
        coalesce(o.false_bounces, 0) AS false_bounces, coalesce(o.repeated, 0) AS repeated,
        coalesce(o.merged, 0) AS merged
    FROM told AS t FULL JOIN ours AS o ON o.account = t.account AND o.job = t.job
)
SELECT
    b.account, b.job, b.campaign, b.category, b.sent_time,
    CAST(b.stored AS BIGINT) AS stored, CAST(b.counted AS BIGINT) AS counted,
    CAST(b.hard AS BIGINT) AS hard, CAST(b.hard_counted AS BIGINT) AS hard_counted,
    CAST(b.soft AS BIGINT) AS soft, CAST(b.soft_counted AS BIGINT) AS soft_counted,
    CAST(b.other AS BIGINT) AS other, CAST(b.other_counted AS BIGINT) AS other_counted,
    CAST(b.false_bounces AS BIGINT) AS false_bounces, CAST(b.repeated AS BIGINT) AS repeated,
    CAST(b.merged AS BIGINT) AS merged, s.account_begins
FROM sides AS b LEFT JOIN beginnings AS s ON s.account = b.account
WHERE b.sent_time IS NULL OR (b.sent_time >= $since AND b.sent_time < $until)
ORDER BY abs(coalesce(b.stored - b.counted, 0)) DESC, b.account, b.job
LIMIT $limit
