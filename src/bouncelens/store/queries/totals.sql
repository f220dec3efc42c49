-- title: Totals
-- asks: How much was sent, and how much of it bounced?
-- for: machinery
-- denominator: messages sent in the window
-- note: cohort: a bounce belongs to the day its message was sent, not to the day it came back; a message with verdicts of two kinds counts in both
-- with: rates
-- with: people
-- columns: bounces, bounced, uncounted, sent, rate, low, high
-- column addresses [addresses]: distinct accounts and subscribers that bounced
-- columns: hard, soft, block, unclassified, first_event, last_event
SELECT
    bounces, bounced, uncounted, sent, rate, low, high,
    (SELECT count(*) FROM people) AS addresses,
    hard, soft, block, unclassified, first_event, last_event
FROM rates
