-- The bounce rate of every job: messages that bounced, each once, of messages sent.
WITH bounced AS (
    SELECT
        account,
        job,
        count(DISTINCT subscriber_key) AS bounced,
        count(DISTINCT CASE WHEN hardness = 'hard' THEN subscriber_key END) AS hard
    FROM {{ ref('stg_bounces') }}
    GROUP BY account, job
),

mailed AS (
    SELECT account, job, min(day) AS first_day, sum(sent) AS sent
    FROM {{ ref('stg_sent') }}
    GROUP BY account, job
)

SELECT
    coalesce(b.account, m.account) AS account,
    coalesce(b.job, m.job) AS job,
    j.email_name AS campaign,
    m.first_day,
    coalesce(b.bounced, 0) AS bounced,
    coalesce(b.hard, 0) AS hard,
    m.sent,
    -- NULL where it is not known how much was sent: that is not a rate of nought.
    coalesce(b.bounced, 0) * 1.0 / nullif(m.sent, 0) AS rate
FROM bounced AS b
FULL JOIN mailed AS m ON m.account = b.account AND m.job = b.job
LEFT JOIN {{ source('bouncelens', 'jobs') }} AS j
    ON j.account = coalesce(b.account, m.account) AND j.job = coalesce(b.job, m.job)
