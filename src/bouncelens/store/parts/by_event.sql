WITH messages AS (
    SELECT {made}, b.account AS of_account, b.job AS of_job, b.person, count(*) AS bounces
    FROM tallies AS b {joins}
    WHERE NOT b.is_cell
    GROUP BY {exprs}, b.account, b.job, b.person
), parts AS (
    SELECT {columns}, sum(bounces) AS bounces, count(*) AS bounced
    FROM messages GROUP BY {columns}
    UNION ALL
    SELECT {made}, sum(b.bounces) AS bounces, sum(b.bounces) AS bounced
    FROM tallies AS b {joins}
    WHERE b.is_cell
    GROUP BY {exprs}
)
SELECT {columns}, CAST(sum(bounces) AS BIGINT) AS bounces, CAST(sum(bounced) AS BIGINT) AS bounced
FROM parts
GROUP BY {columns}
ORDER BY {order}
LIMIT $limit
