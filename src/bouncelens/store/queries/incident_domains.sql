-- title: Domains of which replies tell
-- asks: Which domains that neither name nor MX tells of were refused with which replies?
-- for: machinery
-- denominator: none: bounces
-- note: hard refusals only; the reply may name who runs the mailboxes
-- column domain: receiving domain
-- column template_id: template of the reply
-- column sample: one such reply
-- column refused [events]: how many
SELECT j.domain, j.template_id, max(t.sample) AS sample, count(*) AS refused
FROM judged AS j
INNER JOIN templates AS t ON t.template_id = j.template_id
WHERE j.provider = 'other' AND j.domain <> ''
    AND j.event_time >= $since AND j.event_time < $until
    AND j.hardness = 'hard' AND NOT j.is_temporary
    AND ($account IS NULL OR j.account = $account) AND ($job IS NULL OR j.job = $job)
    AND ($provider IS NULL OR j.provider = $provider)
    AND ($domain IS NULL OR j.domain = $domain)
    AND ($reason IS NULL OR j.reason = $reason)
    AND ($reason_group IS NULL OR j.reason_group = $reason_group)
GROUP BY j.domain, j.template_id
ORDER BY j.domain, j.template_id
