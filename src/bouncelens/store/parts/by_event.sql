WITH cells AS (
    SELECT
        {made},
        b.account AS of_account, b.job AS of_job, b.subscriber_key, count(*) AS bounces
    FROM asked AS b {joins}
    GROUP BY {exprs}, b.account, b.job, b.subscriber_key
)
SELECT {columns}, CAST(sum(bounces) AS BIGINT) AS bounces, count(*) AS bounced
FROM cells
GROUP BY {columns}
ORDER BY {order}
LIMIT $limit
