-- title: Replies, the most frequent first
-- asks: What exactly did the servers say, and how often?
-- denominator: bounce events in the window
-- note: event time: a bounce belongs to the day it came
-- note: replies that differ only in addresses, hosts, numbers and times count as one
-- with: asked
-- column bounces [events]: bounce events with this reply
-- column share [share]: bounces / bounce events in the window
-- column campaigns [events] (detail): jobs that it came back to
-- column provider: who runs the receiving mailbox
-- column reason: what it means
-- column hardness (detail): hard, soft, block, none or unknown
-- column template: the reply in lower case, what varies replaced by placeholders
-- column sample (detail): one raw reply
-- column code (detail): reply code
-- column status (detail): enhanced status code
-- column rule (detail): the rule that decided; NULL when nothing spoke
-- column first_event (detail): the first of these bounces, UTC
-- column last_event (detail): the last of these bounces, UTC
-- column template_id (detail): the template
WITH said AS (
    SELECT
        template_id, count(*) AS bounces, min(event_time) AS first_event,
        max(event_time) AS last_event
    FROM asked
    GROUP BY template_id
), sent_by AS (
    SELECT template_id, count(*) AS campaigns
    FROM (SELECT DISTINCT template_id, account, job FROM asked) AS j
    GROUP BY template_id
)
SELECT
    s.bounces, CAST(s.bounces AS DOUBLE) / sum(s.bounces) OVER () AS share, c.campaigns,
    coalesce(t.provider, 'other') AS provider, coalesce(v.reason, 'unclassified') AS reason,
    coalesce(v.hardness, 'unknown') AS hardness, t.template, t.sample, t.code, t.status, v.rule,
    s.first_event, s.last_event, s.template_id
FROM said AS s
INNER JOIN sent_by AS c ON c.template_id = s.template_id
LEFT JOIN templates AS t ON t.template_id = s.template_id
LEFT JOIN verdicts AS v ON v.template_id = s.template_id
ORDER BY bounces DESC, template_id
LIMIT $limit
