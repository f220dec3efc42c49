-- title: Headline
-- asks: How much was sent, and how much of it bounced, at a glance?
-- for: machinery
-- denominator: messages sent in the window
-- note: cohort: a bounce belongs to the day its message was sent, not to the day it came back; a message with verdicts of two kinds counts in both
-- note: the totals without the number of people, who have to be told apart one by one
-- with: rates
-- columns: bounces, bounced, uncounted, sent, rate, low, high, hard, soft, block, unclassified, first_event, last_event
SELECT
    bounces, bounced, uncounted, sent, rate, low, high, hard, soft, block, unclassified, first_event,
    last_event
FROM rates
