-- title: Kinds of bounces that a policy tells apart
-- asks: Which kinds of bounces are there, as rules of a policy tell them apart?
-- for: machinery
-- denominator: none: kinds
-- column account: MID of the business unit
-- column provider: who runs the receiving mailbox, or 'other'
-- column reason: what the reply means
-- column reason_group: its family
-- column hardness: hard, soft, block, none or unknown
-- column sfmc_category: SFMC's own category, empty where it told none
SELECT DISTINCT
    account, provider, reason, reason_group, hardness, coalesce(sfmc_category, '') AS sfmc_category
FROM tallied
WHERE first_time >= $since AND last_time < $until
    AND ($account IS NULL OR account = $account) AND ($job IS NULL OR job = $job)
    AND ($provider IS NULL OR provider = $provider)
    AND ($domain IS NULL OR domain = $domain)
    AND ($reason IS NULL OR reason = $reason)
    AND ($reason_group IS NULL OR reason_group = $reason_group)
ORDER BY account, provider, reason, reason_group, hardness, sfmc_category
