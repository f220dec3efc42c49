-- title: Replies, the most frequent first
-- asks: What exactly did the servers say, and how often?
-- denominator: bounce events in the window
-- note: event time: a bounce belongs to the day it came
-- note: replies that differ only in addresses, hosts, numbers and times count as one
-- with: asked
-- column bounces [events]: bounce events with this reply
-- column share [share]: bounces / bounce events in the window
-- column campaigns (detail): how many jobs it came back to
-- column provider: who runs the receiving mailbox; 'other' where neither name nor MX tells
-- column reason: what it means
-- column hardness (detail): hard, soft, block, none or unknown
-- column template: the reply in lower case, what varies replaced by placeholders
-- column sample (detail): one raw reply
-- column rule (detail): the rule that decided; NULL when nothing spoke
-- column first_event (detail): the first of these bounces, UTC
-- column last_event (detail): the last of these bounces, UTC
-- column template_id (detail): a template of these words
WITH by_job AS (
    SELECT
        t.template, a.provider, a.reason, a.hardness, a.rule, a.account, a.job,
        count(*) AS bounces, min(t.sample) AS sample, min(a.event_time) AS first_event,
        max(a.event_time) AS last_event, min(a.template_id) AS template_id
    FROM asked AS a LEFT JOIN templates AS t ON t.template_id = a.template_id
    GROUP BY t.template, a.provider, a.reason, a.hardness, a.rule, a.account, a.job
), said AS (
    SELECT
        template, provider, reason, hardness, rule, CAST(sum(bounces) AS BIGINT) AS bounces,
        count(*) AS campaigns, min(sample) AS sample, min(first_event) AS first_event,
        max(last_event) AS last_event, min(template_id) AS template_id
    FROM by_job
    GROUP BY template, provider, reason, hardness, rule
)
SELECT
    bounces, CAST(bounces AS DOUBLE) / sum(bounces) OVER () AS share, campaigns, provider, reason,
    hardness, template, sample, rule, first_event, last_event, template_id
FROM said
ORDER BY bounces DESC, template_id, provider
LIMIT $limit
