-- title: Bounces by day and group
-- asks: How much of what was sent each day bounced, and why?
-- denominator: messages sent on that day, in every group; a day without bounces has one row without a group
-- note: cohort: a bounce belongs to the day its message was sent, not to the day it came back
-- note: a message that bounced for reasons of two groups counts in both
-- with: rates by day, group
-- columns: day, reason_group, bounces, bounced, uncounted, sent, rate, low, high
SELECT day, reason_group, bounces, bounced, uncounted, sent, rate, low, high
FROM rates
ORDER BY day, reason_group NULLS LAST
