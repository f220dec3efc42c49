-- One row per bounce event with the verdict on its reply, as the questions of bouncelens see it.
-- Text goes through coalesce or nullif: dbt-duckdb reads Delta's merged files through Arrow, which
-- cannot compare the text in them (apache/arrow#49368), so DuckDB has to.
SELECT
    b.account,
    b.job,
    b.batch,
    coalesce(b.subscriber_key, '') AS subscriber_key,
    b.event_time,
    coalesce(b.domain, '') AS domain,
    coalesce(b.provider, m.provider, 'other') AS provider,
    coalesce(v.reason, 'unclassified') AS reason,
    coalesce(v.reason_group, 'other') AS reason_group,
    coalesce(v.hardness, 'unknown') AS hardness,
    nullif(v.rule, '') AS rule,
    nullif(v.actor, '') AS actor,
    b.template_id
FROM {{ source('bouncelens', 'bounces') }} AS b
LEFT JOIN {{ source('bouncelens', 'domains') }} AS m 
    ON coalesce(m.domain, '') = coalesce(b.domain, '')
LEFT JOIN {{ source('bouncelens', 'verdicts') }} AS v ON v.template_id = b.template_id
