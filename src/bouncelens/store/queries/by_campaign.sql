-- title: Bounces by campaign
-- asks: Which sends bounced, and how much?
-- denominator: messages of the job sent on days of the window
-- note: cohort: a bounce belongs to the day its message was sent, not to the day it came back; a message with verdicts of two kinds counts in both
-- with: rates by job
-- columns: account, job
-- column campaign: name of the e-mail; NULL where the job is not known
-- column subject (detail): subject line
-- column first_day (detail): first day of the send within the window, UTC; NULL where not known
-- columns: bounces, bounced, uncounted, sent, rate, low, high, hard, soft, block
SELECT
    r.account, r.job, f.campaign, f.subject, r.first_day, r.bounces, r.bounced, r.uncounted,
    r.sent, r.rate, r.low, r.high, r.hard, r.soft, r.block
FROM rates AS r LEFT JOIN job_facts AS f ON f.account = r.account AND f.job = r.job
ORDER BY bounced DESC, sent DESC NULLS LAST, account, job
LIMIT $limit
