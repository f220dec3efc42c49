-- title: Bounces by sender domain
-- asks: Which of our own domains is refused?
-- denominator: messages sent from that domain
-- note: cohort: a bounce belongs to the day its message was sent, not to the day it came back
-- with: rates by sender_domain
-- columns: sender_domain, bounces, bounced, uncounted, sent, rate, low, high, hard, soft, block
SELECT sender_domain, bounces, bounced, uncounted, sent, rate, low, high, hard, soft, block
FROM rates
ORDER BY bounced DESC, sent DESC NULLS LAST, sender_domain
