-- title: How fresh the data is
-- asks: When did each route last tell of a bounce, and how long until SFMC forgets what is lacking?
-- denominator: none: times and days
-- note: data views keep six months (180 days), tracking data 730 days; what came after the last bounce is not stored yet, and is lost when no days are left
-- with: tallies
-- column account: MID of the business unit
-- column route: query, extract, file, soap or events
-- column bounces [events] (detail): bounce events that it told of
-- column first_event (detail): the earliest of them, UTC
-- column last_event: the latest of them, UTC
-- column last_stored (detail): when the last row of them entered the lake, UTC
-- column age_days [days]: whole days since the latest
-- column views_days_left [days]: until data views forget what came after it
-- column overall_days_left [days]: until SFMC forgets it
WITH routes_known AS (
    SELECT 'query' AS route UNION ALL SELECT 'extract' UNION ALL SELECT 'file'
    UNION ALL SELECT 'soap' UNION ALL SELECT 'events'
), seen AS (
    SELECT
        account, routes, sum(bounces) AS bounces, min(first_time) AS first_event,
        max(last_time) AS last_event, max(last_stored) AS last_stored
    FROM tallies GROUP BY account, routes
), told AS (
    SELECT
        s.account, r.route, CAST(sum(s.bounces) AS BIGINT) AS bounces,
        min(s.first_event) AS first_event, max(s.last_event) AS last_event,
        max(s.last_stored) AS last_stored
    FROM seen AS s
    INNER JOIN routes_known AS r ON concat(',', s.routes, ',') LIKE concat('%,', r.route, ',%')
    GROUP BY s.account, r.route
), aged AS (
    SELECT *, CAST(floor((epoch($now) - epoch(last_event)) / 86400) AS BIGINT) AS age_days FROM told
)
SELECT
    account, route, bounces, first_event, last_event, last_stored, age_days,
    greatest(180 - age_days, 0) AS views_days_left, greatest(730 - age_days, 0) AS overall_days_left
FROM aged
ORDER BY account, last_event DESC, route
