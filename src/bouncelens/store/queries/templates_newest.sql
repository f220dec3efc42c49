-- title: Newest templates
-- asks: Which wordings did no server use before?
-- for: machinery
-- denominator: none: counts only
-- note: templates whose first event lies in the window, newest first, `limit` of them
-- column template_id (detail): the template
-- column template: the reply in lower case, what varies replaced by placeholders
-- column sample (detail): one raw reply
-- column code (detail): reply code
-- column status (detail): enhanced status code
-- column provider: who runs the receiving mailbox
-- column reason: what it means
-- column reason_group (detail): its family
-- column hardness (detail): hard, soft, block, none or unknown
-- column rule (detail): the rule that decided; NULL when nothing spoke
-- column confidence [share] (detail): how sure the verdict is, 0 to 1
-- column first_seen: earliest event, UTC
-- column last_seen (detail): latest event, UTC
-- column bounces [events]: bounce events in the window
WITH used AS (
    SELECT template_id, CAST(sum(bounces) AS BIGINT) AS bounces
    FROM tallied
    WHERE first_time >= $since AND last_time < $until
        AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
        AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
        AND ($reason IS NULL OR reason = $reason)
        AND ($reason_group IS NULL OR reason_group = $reason_group)
    GROUP BY template_id
)
SELECT
    t.template_id, t.template, t.sample, t.code, t.status,
    coalesce(t.provider, 'other') AS provider,
    coalesce(v.reason, 'unclassified') AS reason, coalesce(v.reason_group, 'other') AS reason_group,
    coalesce(v.hardness, 'unknown') AS hardness, v.rule, coalesce(v.confidence, 0) AS confidence,
    t.first_seen, t.last_seen, u.bounces
FROM templates AS t
INNER JOIN used AS u ON u.template_id = t.template_id
LEFT JOIN verdicts AS v ON v.template_id = t.template_id
WHERE t.first_seen >= $since AND t.first_seen < $until
ORDER BY t.first_seen DESC, t.template_id
LIMIT $limit
