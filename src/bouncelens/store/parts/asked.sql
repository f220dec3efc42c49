asked AS (
    SELECT b.* FROM judged AS b
    WHERE b.event_time >= $since AND b.event_time < $until
        AND {filters}
)
