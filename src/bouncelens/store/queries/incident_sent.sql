-- title: Messages around an incident
-- asks: How many messages did each job send to each provider on which day?
-- for: machinery
-- denominator: none: messages
-- note: only jobs of which it is known how much was sent to which domain
-- column provider: who runs the receiving mailbox, or 'other'
-- column account: MID of the business unit
-- column job: SFMC JobID
-- column day: day of sending, UTC
-- column sent [messages]: messages sent
SELECT provider, account, job, day, CAST(sum(sent) AS BIGINT) AS sent
FROM sent
WHERE provider IS NOT NULL AND day >= $first_day AND day < $end_day
    AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
    AND ($provider IS NULL OR provider = $provider) AND ($domain IS NULL OR domain = $domain)
    AND $reason IS NULL AND $reason_group IS NULL
GROUP BY provider, account, job, day
ORDER BY provider, account, job, day
