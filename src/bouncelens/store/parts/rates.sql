messages AS (
    SELECT
        {made_keys},
        count(*) AS bounces,
        max(CASE WHEN b.hardness = 'hard' THEN 1 ELSE 0 END) AS is_hard,
        max(CASE WHEN b.hardness = 'soft' THEN 1 ELSE 0 END) AS is_soft,
        max(CASE WHEN b.hardness = 'block' THEN 1 ELSE 0 END) AS is_block,
        max(CASE WHEN b.reason = 'unclassified' THEN 1 ELSE 0 END) AS is_unclassified,
        min(b.first_time) AS first_event, max(b.last_time) AS last_event,
        max(b.provider) AS any_provider,
        {is_counted} AS is_counted
    FROM tallied AS b {bounce_joins}
    WHERE NOT b.is_cell
        AND {bounce_filters}
    GROUP BY {keys}, is_counted
), parts AS (
    SELECT
        {names}
        sum(bounces) AS bounces, count(*) AS bounced,
        sum(CASE WHEN is_counted THEN 0 ELSE 1 END) AS uncounted,
        sum(is_hard) AS hard, sum(is_soft) AS soft, sum(is_block) AS block,
        sum(is_unclassified) AS unclassified,
        min(first_event) AS first_event, max(last_event) AS last_event,
        max(any_provider) AS any_provider
    FROM messages {group}
    UNION ALL
    SELECT
        {made}
        sum(b.bounces) AS bounces, sum(b.bounces) AS bounced,
        sum(CASE WHEN {is_counted} THEN 0 ELSE b.bounces END) AS uncounted,
        sum(CASE WHEN b.hardness = 'hard' THEN b.bounces ELSE 0 END) AS hard,
        sum(CASE WHEN b.hardness = 'soft' THEN b.bounces ELSE 0 END) AS soft,
        sum(CASE WHEN b.hardness = 'block' THEN b.bounces ELSE 0 END) AS block,
        sum(CASE WHEN b.reason = 'unclassified' THEN b.bounces ELSE 0 END) AS unclassified,
        min(b.first_time) AS first_event, max(b.last_time) AS last_event,
        max(b.provider) AS any_provider
    FROM tallied AS b {bounce_joins}
    WHERE b.is_cell
        AND {bounce_filters}
    {cell_group}
), bounced AS (
    SELECT
        {names}
        sum(bounces) AS bounces, sum(bounced) AS bounced, sum(uncounted) AS uncounted,
        sum(hard) AS hard, sum(soft) AS soft, sum(block) AS block,
        sum(unclassified) AS unclassified,
        min(first_event) AS first_event, max(last_event) AS last_event,
        max(any_provider) AS any_provider
    FROM parts {group}
), mailed AS (
    SELECT
        {made_known}
        sum(s.sent) AS sent, min(s.day) AS first_day, max(s.provider) AS any_provider
    FROM sent AS s
    LEFT JOIN job_facts AS j ON j.account = s.account AND j.job = s.job {sent_joins}
    WHERE s.day >= $first_day AND s.day < $end_day
        AND {sent_filters}
    {sent_group}
), counted AS (
    SELECT
        {met}
        CAST(coalesce(b.bounces, 0) AS BIGINT) AS bounces,
        CAST(coalesce(b.bounced, 0) AS BIGINT) AS bounced,
        CAST(coalesce(b.uncounted, 0) AS BIGINT) AS uncounted,
        CAST(coalesce(b.hard, 0) AS BIGINT) AS hard,
        CAST(coalesce(b.soft, 0) AS BIGINT) AS soft,
        CAST(coalesce(b.block, 0) AS BIGINT) AS block,
        CAST(coalesce(b.unclassified, 0) AS BIGINT) AS unclassified,
        CAST(m.sent AS BIGINT) AS sent, m.first_day, b.first_event, b.last_event,
        coalesce(m.any_provider, b.any_provider) AS any_provider,
        CAST(coalesce(b.bounced - b.uncounted, 0) AS DOUBLE) AS k,
        CAST(nullif(m.sent, 0) AS DOUBLE) AS n
    FROM bounced AS b {meeting}
), rates AS (
    SELECT
        {names}
        bounces, bounced, uncounted, sent, hard, soft, block, unclassified,
        first_day, first_event, last_event, any_provider,
        k / n AS rate,
        {low} AS low,
        {high} AS high
    FROM counted
)
