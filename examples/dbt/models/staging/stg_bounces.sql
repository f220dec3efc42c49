-- One row per bounce event with the verdict on its reply, as the questions of bouncelens see it.
SELECT
    b.account,
    b.job,
    b.batch,
    b.subscriber_key,
    b.event_time,
    coalesce(b.domain, '') AS domain,
    coalesce(b.provider, m.provider, 'other') AS provider,
    coalesce(v.reason, 'unclassified') AS reason,
    coalesce(v.reason_group, 'other') AS reason_group,
    coalesce(v.hardness, 'unknown') AS hardness,
    v.rule,
    v.actor,
    b.template_id
FROM {{ source('bouncelens', 'bounces') }} AS b
LEFT JOIN {{ source('bouncelens', 'domains') }} AS m ON m.domain = b.domain
LEFT JOIN {{ source('bouncelens', 'verdicts') }} AS v ON v.template_id = b.template_id
