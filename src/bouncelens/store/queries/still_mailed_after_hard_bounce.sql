-- title: Still mailed after a hard bounce
-- asks: How many addresses did SFMC go on mailing after a reply that called them dead?
-- denominator: addresses with a hard bounce in the window
-- note: event time: the first hard bounce that came in the window counts, and whatever was sent on a later day, also after the window
-- note: SFMC mails a bounced subscriber until it is held; what was mailed and neither bounced nor is the last delivery that is known cannot be seen, so the true number is higher
-- note: temporary replies, false bounces and refusals during an incident, given as policy_incidents, are left out: they called nobody dead
-- with: asked
-- column status: the subscriber's status in SFMC now; 'not known' where it told none
-- column addresses [addresses]: distinct accounts and subscribers with a hard bounce
-- column mailed_again [addresses]: of them, those that were mailed on a later day
-- column share [share]: mailed_again / addresses
-- column low [share] (detail): lower end of the share's 95 % interval (Wilson)
-- column high [share] (detail): upper end of the share's 95 % interval (Wilson)
-- column bounced_again [messages]: messages to them that bounced after that
-- column delivered_again [addresses]: of them, those to whom a later message did not come back
WITH hard AS (
    SELECT
        a.account, a.subscriber_key, a.job, a.batch, a.event_time, a.event_day,
        row_number() OVER (
            PARTITION BY a.account, a.subscriber_key ORDER BY a.event_time, a.job, a.batch
        ) AS place
    FROM asked AS a
    WHERE a.hardness = 'hard' AND NOT a.is_temporary AND NOT coalesce(a.is_false_bounce, false)
        AND NOT EXISTS (
            SELECT 1 FROM policy_incidents AS i
            WHERE i.provider = a.provider
                AND a.event_time >= i.starts AND a.event_time < i.ends
                AND (i.job IS NULL OR (i.job = a.job AND i.account = a.account))
        )
), firsts AS (
    SELECT * FROM hard WHERE place = 1
), later AS (
    SELECT DISTINCT j.account, j.subscriber_key, j.job, j.batch
    FROM judged AS j
    INNER JOIN firsts AS f ON f.account = j.account AND f.subscriber_key = j.subscriber_key
    WHERE j.send_day > f.event_day AND (j.job <> f.job OR j.batch <> f.batch)
), bounced AS (
    SELECT account, subscriber_key, count(*) AS messages FROM later GROUP BY account, subscriber_key
), people AS (
    SELECT
        coalesce(s.status, 'not known') AS status, coalesce(b.messages, 0) AS messages,
        CASE WHEN s.last_delivery >= f.event_time + INTERVAL 1 DAY THEN 1 ELSE 0 END AS is_delivered
    FROM firsts AS f
    LEFT JOIN bounced AS b ON b.account = f.account AND b.subscriber_key = f.subscriber_key
    LEFT JOIN subscribers AS s ON s.account = f.account AND s.subscriber_key = f.subscriber_key
), counted AS (
    SELECT
        status, count(*) AS addresses,
        CAST(sum(CASE WHEN messages > 0 OR is_delivered = 1 THEN 1 ELSE 0 END) AS BIGINT)
            AS mailed_again,
        CAST(sum(messages) AS BIGINT) AS bounced_again,
        CAST(sum(is_delivered) AS BIGINT) AS delivered_again
    FROM people
    GROUP BY status
)
SELECT
    status, addresses, mailed_again, CAST(mailed_again AS DOUBLE) / addresses AS share,
    {low mailed_again of addresses} AS low,
    {high mailed_again of addresses} AS high,
    bounced_again, delivered_again
FROM counted
ORDER BY addresses DESC, status
