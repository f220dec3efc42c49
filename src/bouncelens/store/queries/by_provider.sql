-- title: Bounces by mailbox provider
-- asks: Which mailbox providers refuse our mail?
-- denominator: messages sent to that provider
-- note: cohort: a bounce belongs to the day its message was sent, not to the day it came back
-- with: rates by provider
-- columns: provider, bounces, bounced, uncounted, sent, rate, low, high
SELECT provider, bounces, bounced, uncounted, sent, rate, low, high
FROM rates
ORDER BY bounced DESC, sent DESC NULLS LAST, provider
