-- title: Bounces by business unit
-- asks: Which business units have addresses that bounce?
-- denominator: messages sent by that business unit
-- note: cohort: a bounce belongs to the day its message was sent, not to the day it came back
-- with: rates by account
-- columns: account, bounces, bounced, uncounted, sent, rate, low, high, hard, soft, block
SELECT account, bounces, bounced, uncounted, sent, rate, low, high, hard, soft, block
FROM rates
ORDER BY bounced DESC, sent DESC NULLS LAST, account
