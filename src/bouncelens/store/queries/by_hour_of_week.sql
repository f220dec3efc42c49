-- title: Bounces by hour of the week
-- asks: Does it matter when we send?
-- denominator: messages sent by jobs begun in that hour
-- note: cohort: a bounce belongs to the day its message was sent, not to the day it came back
-- note: jobs that were sent over more than two days have no hour; for the hours in which bounces came: --by event_hour_of_week
-- with: rates by hour_of_week
-- columns: weekday, hour, bounces, bounced, uncounted, sent, rate, low, high, hard, soft, block
SELECT weekday, hour, bounces, bounced, uncounted, sent, rate, low, high, hard, soft, block
FROM rates
ORDER BY weekday NULLS LAST, hour
