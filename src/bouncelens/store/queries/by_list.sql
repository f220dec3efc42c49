-- title: Bounces by list
-- asks: Which lists hold addresses that bounce?
-- denominator: all messages sent in the window; the same for every list, as sent counts do not know lists
-- note: cohort: a bounce belongs to the day its message was sent, not to the day it came back
-- note: a person on several lists is counted on the one that the bounce names
-- with: rates by list
-- columns: list_id, bounces, bounced, uncounted, sent, rate, low, high, hard, soft, block
SELECT list_id, bounces, bounced, uncounted, sent, rate, low, high, hard, soft, block
FROM rates
ORDER BY bounced DESC, list_id
LIMIT $limit
