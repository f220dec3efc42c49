-- title: Bounces by day
-- asks: How much of what was sent each day bounced?
-- denominator: messages sent on that day
-- note: cohort: a bounce belongs to the day its message was sent, not to the day it came back; a message with verdicts of two kinds counts in both
-- with: rates by day
-- columns: day, bounces, bounced, uncounted, sent, rate, low, high, hard, soft, block
SELECT day, bounces, bounced, uncounted, sent, rate, low, high, hard, soft, block
FROM rates
ORDER BY day
