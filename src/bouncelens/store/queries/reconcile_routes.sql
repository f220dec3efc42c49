-- title: Bounces by route
-- asks: Which routes brought each bounce, and what does one lack that others have?
-- for: machinery
-- denominator: none: events, by the route that told of them
-- note: day is the day on which the message came back; a bounce that several routes brought counts for each of them
-- note: what a route lacks is counted between its first and its last bounce of the account, and not for events, which are transactional mail only, nor for files, which are whatever somebody had
-- column account: MID of the business unit
-- column job: SFMC JobID
-- column day: day of the bounce, UTC
-- column bounces [events]: bounce events in the lake
-- column by_query [events]: those that query brought
-- column by_extract [events]: those that extract brought
-- column by_file [events]: those that file brought
-- column by_soap [events]: those that soap brought
-- column by_events [events]: those that the ENS receiver brought
-- column by_several [events]: those that more than one route brought
-- column query_lacks [events]: those that query should have brought and did not; NULL where it was not used
-- column extract_lacks [events]: those that extract should have brought and did not; NULL where it was not used
-- column soap_lacks [events]: those that soap should have brought and did not; NULL where it was not used
-- column disagreements [events]: those of which routes told different things
WITH marked AS (
    SELECT
        account, job, event_day, event_time, provider, domain, reason, reason_group,
        CASE WHEN concat(',', routes, ',') LIKE '%,query,%' THEN 1 ELSE 0 END AS by_query,
        CASE WHEN concat(',', routes, ',') LIKE '%,extract,%' THEN 1 ELSE 0 END AS by_extract,
        CASE WHEN concat(',', routes, ',') LIKE '%,file,%' THEN 1 ELSE 0 END AS by_file,
        CASE WHEN concat(',', routes, ',') LIKE '%,soap,%' THEN 1 ELSE 0 END AS by_soap,
        CASE WHEN concat(',', routes, ',') LIKE '%,events,%' THEN 1 ELSE 0 END AS by_events,
        CASE WHEN routes LIKE '%,%' THEN 1 ELSE 0 END AS by_several,
        CASE WHEN disagreements IS NOT NULL THEN 1 ELSE 0 END AS is_disputed
    FROM judged
    WHERE ($account IS NULL OR account = $account)
), spans AS (
    SELECT
        account,
        min(CASE WHEN by_query = 1 THEN event_time END) AS query_first,
        max(CASE WHEN by_query = 1 THEN event_time END) AS query_last,
        min(CASE WHEN by_extract = 1 THEN event_time END) AS extract_first,
        max(CASE WHEN by_extract = 1 THEN event_time END) AS extract_last,
        min(CASE WHEN by_soap = 1 THEN event_time END) AS soap_first,
        max(CASE WHEN by_soap = 1 THEN event_time END) AS soap_last
    FROM marked GROUP BY account
)
SELECT
    m.account, m.job, m.event_day AS day,
    count(*) AS bounces,
    CAST(sum(m.by_query) AS BIGINT) AS by_query,
    CAST(sum(m.by_extract) AS BIGINT) AS by_extract,
    CAST(sum(m.by_file) AS BIGINT) AS by_file,
    CAST(sum(m.by_soap) AS BIGINT) AS by_soap,
    CAST(sum(m.by_events) AS BIGINT) AS by_events,
    CAST(sum(m.by_several) AS BIGINT) AS by_several,
    CAST(sum(CASE WHEN m.event_time BETWEEN s.query_first AND s.query_last THEN 1 - m.by_query END) AS BIGINT)
        AS query_lacks,
    CAST(sum(CASE WHEN m.event_time BETWEEN s.extract_first AND s.extract_last THEN 1 - m.by_extract END) AS BIGINT)
        AS extract_lacks,
    CAST(sum(CASE WHEN m.event_time BETWEEN s.soap_first AND s.soap_last THEN 1 - m.by_soap END) AS BIGINT)
        AS soap_lacks,
    CAST(sum(m.is_disputed) AS BIGINT) AS disagreements
FROM marked AS m JOIN spans AS s ON s.account = m.account
WHERE m.event_time >= $since AND m.event_time < $until
    AND ($job IS NULL OR m.job = $job)
    AND ($provider IS NULL OR m.provider = $provider) AND ($domain IS NULL OR m.domain = $domain)
    AND ($reason IS NULL OR m.reason = $reason)
    AND ($reason_group IS NULL OR m.reason_group = $reason_group)
GROUP BY m.account, m.job, m.event_day
ORDER BY m.event_day, m.account, m.job
LIMIT $limit
