-- title: Bounces by triggered send
-- asks: Which journeys and triggered sends bounce?
-- denominator: messages sent by the triggered send's jobs, as far as one of their bounces names it
-- note: cohort: a bounce belongs to the day its message was sent, not to the day it came back
-- note: NULL is mail that no triggered send is known for
-- with: rates by triggered_send, campaign
-- columns: triggered_send, campaign, bounces, bounced, uncounted, sent, rate, low, high, hard, soft, block
SELECT triggered_send, campaign, bounces, bounced, uncounted, sent, rate, low, high, hard, soft, block
FROM rates
ORDER BY bounced DESC, sent DESC NULLS LAST, triggered_send, campaign
LIMIT $limit
