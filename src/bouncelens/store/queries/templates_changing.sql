-- title: New, growing and vanished replies
-- asks: Which wordings are new, come much more often than before, or do not come any more?
-- denominator: none: counts of two periods of equal length
-- note: event time: the last `days` days of the window before its last bounce, beside as many days before them
-- note: new: never seen before the period; growing: twice as many at least, and by more than chance (3 standard deviations); vanished: 10 or more before, none since
-- with: asked
-- column kind: new, growing or vanished
-- column provider: who runs the receiving mailbox
-- column reason: what it means
-- column hardness (detail): hard, soft, block, none or unknown
-- column bounces [events]: in the period
-- column before [events]: in the period before it
-- column template: the reply in lower case, what varies replaced by placeholders
-- column first_seen (detail): earliest event, UTC
-- column last_seen (detail): latest event, UTC
-- column template_id (detail): the template
WITH ends AS (
    SELECT max(event_time) + INTERVAL 1 SECOND AS period_end FROM asked
), used AS (
    SELECT
        a.template_id,
        sum(CASE WHEN a.event_time >= e.period_end - $days * INTERVAL 1 DAY THEN 1 ELSE 0 END) AS bounces,
        sum(CASE WHEN a.event_time < e.period_end - $days * INTERVAL 1 DAY THEN 1 ELSE 0 END) AS before
    FROM asked AS a CROSS JOIN ends AS e
    WHERE a.event_time >= e.period_end - $days * INTERVAL 2 DAY
    GROUP BY a.template_id
), sorted AS (
    SELECT
        u.template_id, u.bounces, u.before, t.provider, t.template, t.first_seen, t.last_seen,
        CASE
            WHEN t.first_seen >= e.period_end - $days * INTERVAL 1 DAY THEN 'new'
            WHEN u.bounces >= 2 * u.before AND u.bounces - u.before > 3 * sqrt(u.bounces + u.before)
                THEN 'growing'
            WHEN u.bounces = 0 AND u.before >= 10 THEN 'vanished'
        END AS kind
    FROM used AS u
    INNER JOIN templates AS t ON t.template_id = u.template_id
    CROSS JOIN ends AS e
)
SELECT
    s.kind, coalesce(s.provider, 'other') AS provider,
    coalesce(v.reason, 'unclassified') AS reason, coalesce(v.hardness, 'unknown') AS hardness,
    CAST(s.bounces AS BIGINT) AS bounces, CAST(s.before AS BIGINT) AS before, s.template,
    s.first_seen, s.last_seen, s.template_id
FROM sorted AS s LEFT JOIN verdicts AS v ON v.template_id = s.template_id
WHERE s.kind IS NOT NULL
ORDER BY
    CASE s.kind WHEN 'new' THEN 1 WHEN 'growing' THEN 2 ELSE 3 END,
    s.bounces + s.before DESC, s.template_id
LIMIT $limit
