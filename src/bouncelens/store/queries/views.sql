-- The views that every question reads, over the lake's tables bounces, verdicts, sends, jobs and
-- domains. Who runs a mailbox is told by the domain's name, else by its MX.

-- view sent: messages sent, one row per job, receiving domain and day; the job's total where no
-- more is known (domain '' and provider NULL), never both
CREATE VIEW sent AS
WITH detailed AS (
    SELECT DISTINCT account, job FROM sends WHERE domain <> ''
)
SELECT
    s.account, s.job, s.domain, coalesce(s.provider, m.provider, 'other') AS provider, s.day, s.sent
FROM sends AS s LEFT JOIN domains AS m ON m.domain = s.domain
WHERE s.domain <> ''
UNION ALL
SELECT s.account, s.job, s.domain, NULL AS provider, s.day, s.sent
FROM sends AS s LEFT JOIN detailed AS d ON d.account = s.account AND d.job = s.job
WHERE s.domain = '' AND d.job IS NULL
UNION ALL
SELECT
    j.account, j.job, '' AS domain, NULL AS provider, CAST(j.sent_time AS DATE) AS day,
    j.number_sent AS sent
FROM jobs AS j
LEFT JOIN (SELECT DISTINCT account, job FROM sends) AS s
    ON s.account = j.account AND s.job = j.job
WHERE s.job IS NULL AND j.number_sent IS NOT NULL AND j.sent_time IS NOT NULL;

-- view sent_days: the same, of all domains that are known together: their name is '*'
CREATE VIEW sent_days AS
SELECT
    account, job, CASE WHEN domain = '' THEN '' ELSE '*' END AS domain, provider, day, sent
FROM sent;

-- view job_facts: what is known of a job by its name or its sent counts; weekday (1 is Monday) and
-- hour are those in which it began, UTC, unless it was sent over more than two days
CREATE VIEW job_facts AS
SELECT
    coalesce(d.account, j.account) AS account, coalesce(d.job, j.job) AS job,
    j.email_name AS campaign, j.subject, j.category AS job_category, j.sent_time,
    nullif(lower(replace(split_part(j.from_address, '@', 2), '>', '')), '') AS sender_domain,
    CASE WHEN coalesce(d.last_day <= d.first_day + 1, true) THEN isodow(j.sent_time) END AS weekday,
    CASE WHEN coalesce(d.last_day <= d.first_day + 1, true) THEN hour(j.sent_time) END AS hour,
    d.first_day, d.last_day, coalesce(d.has_domains, false) AS has_domains
FROM (
    SELECT
        account, job, min(day) AS first_day, max(day) AS last_day,
        max(CASE WHEN domain <> '' THEN 1 ELSE 0 END) = 1 AS has_domains
    FROM sent_days GROUP BY account, job
) AS d FULL JOIN jobs AS j ON j.account = d.account AND j.job = d.job;

-- view cells: counts of bounces that the engine keeps, each of messages that bounced once, by what
-- they are counted by; without rows in an engine that keeps none
CREATE VIEW cells AS
SELECT
    CAST(NULL AS BIGINT) AS account, CAST(NULL AS BIGINT) AS job, CAST(NULL AS DATE) AS event_day,
    CAST(NULL AS BIGINT) AS event_hour, CAST(NULL AS VARCHAR) AS domain,
    CAST(NULL AS VARCHAR) AS provider, CAST(NULL AS BIGINT) AS template_id,
    CAST(NULL AS BIGINT) AS list_id, CAST(NULL AS VARCHAR) AS sfmc_category,
    CAST(NULL AS VARCHAR) AS triggered_send_key, CAST(NULL AS VARCHAR) AS routes,
    CAST(NULL AS TIMESTAMPTZ) AS first_time, CAST(NULL AS TIMESTAMPTZ) AS last_time,
    CAST(NULL AS TIMESTAMPTZ) AS last_stored, CAST(NULL AS BIGINT) AS bounces
WHERE 1 = 0;

-- view apart: bounces that are in no cell, one row each, person telling messages of a job apart; all
-- of them in an engine that keeps no cells
CREATE VIEW apart AS
SELECT
    account, job, subscriber_key AS person, batch, event_time, event_day, domain, provider,
    template_id, list_id, sfmc_category, triggered_send_key, routes, stored_at
FROM bounces;

-- view each_once: every bounce once, in a cell or apart; first_time and last_time of a cell lie within
-- its day
CREATE VIEW each_once AS
SELECT
    account, job, person, batch, event_day, CAST(hour(event_time) AS BIGINT) AS event_hour, domain,
    provider, template_id, list_id, sfmc_category, triggered_send_key, routes, event_time AS first_time,
    event_time AS last_time, stored_at AS last_stored, CAST(1 AS BIGINT) AS bounces,
    false AS is_cell
FROM apart
UNION ALL
SELECT
    account, job, CAST(NULL AS VARCHAR) AS person, CAST(NULL AS BIGINT) AS batch, event_day, event_hour,
    domain, provider, template_id, list_id, sfmc_category, triggered_send_key, routes,
    first_time, last_time, last_stored, bounces, true AS is_cell
FROM cells;

-- view job_triggers: the triggered send to which a job belongs, as far as a bounce names it
CREATE VIEW job_triggers AS
SELECT account, job, max(triggered_send_key) AS triggered_send
FROM each_once WHERE triggered_send_key IS NOT NULL
GROUP BY account, job;

-- view judged: one row per bounce with the verdict on its template; send_day is the day the message
-- was sent: the job's only day, or the day of the bounce within the days on which the job was sent
CREATE VIEW judged AS
SELECT
    b.account, b.job, b.batch, b.subscriber_key, b.event_time, b.event_day, b.routes, b.disagreements,
    b.list_id, b.subscriber_id, b.address, coalesce(b.domain, '') AS domain, b.reply_text, b.sfmc_code,
    b.sfmc_category, b.sfmc_subcategory, b.sfmc_type, b.is_unique, b.is_false_bounce,
    b.triggered_send_key, coalesce(b.provider, m.provider, 'other') AS provider, b.template_id, b.stored_at,
    coalesce(v.reason, 'unclassified') AS reason, coalesce(v.reason_group, 'other') AS reason_group,
    coalesce(v.hardness, 'unknown') AS hardness, coalesce(v.is_temporary, false) AS is_temporary,
    v.rule, coalesce(v.confidence, 0) AS confidence, v.evidence, v.actor,
    d.campaign, d.sender_domain, d.job_category, d.weekday, d.hour,
    CASE
        WHEN d.first_day IS NULL THEN b.event_day
        ELSE greatest(d.first_day, least(d.last_day, b.event_day))
    END AS send_day,
    d.first_day IS NOT NULL AS has_sent,
    coalesce(d.has_domains, false) AS has_sent_by_domain
FROM bounces AS b
LEFT JOIN domains AS m ON m.domain = b.domain
LEFT JOIN verdicts AS v ON v.template_id = b.template_id
LEFT JOIN job_facts AS d ON d.account = b.account AND d.job = b.job;

-- view tallied: bounces judged, in cells or apart: how many, and of how many messages that bounced
-- only once; a message apart is told by account, job and person
CREATE VIEW tallied AS
SELECT
    b.account, b.job, b.person, b.batch, b.event_day, b.event_hour,
    coalesce(b.domain, '') AS domain,
    coalesce(b.provider, m.provider, 'other') AS provider, b.template_id, b.list_id, b.sfmc_category,
    b.triggered_send_key, b.routes, b.first_time, b.last_time, b.last_stored, b.bounces, b.is_cell,
    coalesce(v.reason, 'unclassified') AS reason, coalesce(v.reason_group, 'other') AS reason_group,
    coalesce(v.hardness, 'unknown') AS hardness,
    d.campaign, d.sender_domain, d.job_category, d.weekday, d.hour,
    CASE
        WHEN d.first_day IS NULL THEN b.event_day
        ELSE greatest(d.first_day, least(d.last_day, b.event_day))
    END AS send_day,
    d.first_day IS NOT NULL AS has_sent,
    coalesce(d.has_domains, false) AS has_sent_by_domain
FROM each_once AS b
LEFT JOIN domains AS m ON m.domain = b.domain
LEFT JOIN verdicts AS v ON v.template_id = b.template_id
LEFT JOIN job_facts AS d ON d.account = b.account AND d.job = b.job;

-- view policy_rules: the rules of the policy that is asked about, one row each; without rows until a
-- question is given them
CREATE VIEW policy_rules AS
SELECT
    CAST(NULL AS BIGINT) AS rule_no, CAST(NULL AS VARCHAR) AS action, CAST(NULL AS BIGINT) AS needed,
    CAST(NULL AS BIGINT) AS distinct_days, CAST(NULL AS BIGINT) AS min_span_days,
    CAST(NULL AS BOOLEAN) AS by_delivery, CAST(NULL AS BOOLEAN) AS by_open,
    CAST(NULL AS BOOLEAN) AS by_click, CAST(NULL AS TIMESTAMPTZ) AS known_until,
    CAST(NULL AS TIMESTAMPTZ) AS settled_until,
    CAST(NULL AS TIMESTAMPTZ) AS recent_since, CAST(NULL AS TIMESTAMPTZ) AS holds_since,
    CAST(NULL AS TIMESTAMPTZ) AS quiet_until, CAST(NULL AS TIMESTAMPTZ) AS grey_since
WHERE 1 = 0;

-- view policy_kinds: which of them counts a kind of bounce, and how much; without rows until a
-- question is given them
CREATE VIEW policy_kinds AS
SELECT
    CAST(NULL AS BIGINT) AS account, CAST(NULL AS VARCHAR) AS provider,
    CAST(NULL AS VARCHAR) AS reason, CAST(NULL AS VARCHAR) AS reason_group,
    CAST(NULL AS VARCHAR) AS hardness, CAST(NULL AS VARCHAR) AS sfmc_category,
    CAST(NULL AS BIGINT) AS rule_no, CAST(NULL AS BIGINT) AS weight
WHERE 1 = 0;

-- view policy_incidents: providers and times whose hard refusals are not believed, of all jobs or of
-- one; is_asked: of the incident that is asked about; without rows until a question is given them
CREATE VIEW policy_incidents AS
SELECT
    CAST(NULL AS VARCHAR) AS provider, CAST(NULL AS TIMESTAMPTZ) AS starts,
    CAST(NULL AS TIMESTAMPTZ) AS ends, CAST(NULL AS BIGINT) AS account, CAST(NULL AS BIGINT) AS job,
    CAST(NULL AS BOOLEAN) AS is_asked
WHERE 1 = 0;
