-- title: Our verdicts beside SFMC's categories
-- asks: Where does SFMC's sorting of bounces differ from what the replies say?
-- denominator: bounce events of that SFMC category
-- note: event time: bounces that came in the window
-- note: SFMC's 'Hard bounce' that is a block or soft by its reply is an address that SFMC gives up although it may be alive
-- with: asked
-- columns: sfmc_category
-- column hardness: ours: hard, soft, block, none or unknown
-- columns: bounces
-- column share [share]: bounces / all of that SFMC category
-- column agrees: whether both say hard, soft or block; NULL where SFMC's category says none of them
-- column addresses [addresses] (detail): distinct accounts and subscribers
-- column of_category [events] (detail): all of that SFMC category
WITH people AS (
    SELECT sfmc_category, hardness, account, subscriber_key, count(*) AS bounces
    FROM asked
    GROUP BY sfmc_category, hardness, account, subscriber_key
), cells AS (
    SELECT sfmc_category, hardness, sum(bounces) AS bounces, count(*) AS addresses
    FROM people GROUP BY sfmc_category, hardness
), both_sides AS (
    SELECT *, sum(bounces) OVER (PARTITION BY sfmc_category) AS of_category FROM cells
)
SELECT
    sfmc_category, hardness, CAST(bounces AS BIGINT) AS bounces,
    CAST(bounces AS DOUBLE) / of_category AS share,
    CASE
        WHEN lower(sfmc_category) LIKE 'hard%' THEN hardness = 'hard'
        WHEN lower(sfmc_category) LIKE 'soft%' THEN hardness = 'soft'
        WHEN lower(sfmc_category) LIKE 'block%' THEN hardness = 'block'
    END AS agrees,
    addresses, CAST(of_category AS BIGINT) AS of_category
FROM both_sides
ORDER BY of_category DESC, sfmc_category NULLS LAST, bounces DESC, hardness
