-- title: Bounces by receiving domain
-- asks: Which domains refuse our mail?
-- denominator: messages sent to that domain
-- note: cohort: a bounce belongs to the day its message was sent, not to the day it came back
-- note: the most refusing domains first, `limit` of them
-- with: rates by domain
-- columns: domain
-- column provider (detail): who runs its mailboxes
-- columns: bounces, bounced, uncounted, sent, rate, low, high
SELECT domain, any_provider AS provider, bounces, bounced, uncounted, sent, rate, low, high
FROM rates
ORDER BY bounced DESC, sent DESC NULLS LAST, domain
LIMIT $limit
