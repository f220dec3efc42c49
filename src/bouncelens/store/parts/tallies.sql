tallies AS (
    SELECT b.* FROM tallied AS b
    WHERE b.first_time >= $since AND b.last_time < $until
        AND {filters}
)
