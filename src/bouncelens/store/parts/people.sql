people AS (
    SELECT DISTINCT b.account, b.subscriber_key
    FROM judged AS b
    WHERE b.event_time >= CAST($first_day AS TIMESTAMPTZ) - INTERVAL 2 DAY
        AND b.send_day >= $first_day AND b.send_day < $end_day
        AND {filters}
)
