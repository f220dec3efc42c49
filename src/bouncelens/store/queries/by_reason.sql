-- title: Bounces by reason
-- asks: Why do messages bounce, and how often?
-- denominator: all messages sent in the window; the same for every reason
-- note: cohort: a bounce belongs to the day its message was sent, not to the day it came back; a message with bounces of two reasons counts in both
-- with: rates by reason, group, hardness
-- columns: reason, reason_group, hardness, bounces, bounced, uncounted, sent, rate, low, high
SELECT reason, reason_group, hardness, bounces, bounced, uncounted, sent, rate, low, high
FROM rates
ORDER BY bounced DESC, reason, hardness
