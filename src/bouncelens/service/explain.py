"""One reply, explained to a person who does not know SMTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bouncelens.errors import InputInvalid

if TYPE_CHECKING:
    from bouncelens.bounce import Reply, Template, Verdict
    from bouncelens.classify.guidance import Advice, Blocklist, OtherNames
    from bouncelens.classify.ruleset import Rule
    from bouncelens.service.judge import Judge, Judged

ACTORS = {
    "list_owner": "whoever keeps the list of addresses",
    "dns_admin": "whoever keeps your DNS",
    "content_author": "whoever wrote the message",
    "platform_support": "the sending platform's support",
    "receiving_admin": "the receiver's administrator",
    "nobody": "nobody",
}
HARDNESSES = {
    "hard": "The address will never work: do not mail it again.",
    "soft": "It may work later: the address stays on the list.",
    "block": "The sender or the message was refused; the address is fine.",
    "none": "Not a failure.",
    "unknown": "Not enough was said to tell.",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a server said, what it means, and who has to do what."""

    reply: Reply
    template: Template
    verdict: Verdict
    span: tuple[int, int] | None  # of the words in `reply.text` that decided; None: a code did
    provider: str | None  # who runs the mailbox, by the domain mailed or the host that answered
    provider_name: str | None
    meaning: str
    for_the_address: str  # what hardness and temporary mean for it
    actor: str  # who has to act, in words
    actor_id: str  # the same as rules and tables say it, such as dns_admin
    action: str  # in one sentence
    steps: tuple[str, ...]  # the same in order
    link: str | None  # a postmaster page or form that helps
    family: str | None  # the family of vendor codes that the steps are for
    lists: tuple[Blocklist, ...]  # public lists that the reply names
    called_elsewhere: OtherNames
    rule_file: str | None
    source: str | None  # what the rule relies on
    retry_after_s: int | None  # seconds to wait that the server asks for
    other_addresses: tuple[str, ...]  # named in the reply and not known to be the one mailed
    other_address_note: str | None  # the same in a sentence


def explain(
    judge: Judge,
    text: str,
    *,
    code: int | None = None,
    status: str | None = None,
    mailed: str | None = None,
) -> Explanation:
    """Judge one reply and say all about it. Raises InputInvalid when there is nothing to judge.

    `mailed`: the address that was mailed, or only its domain.
    """
    if not text.strip() and code is None and not status:
        raise InputInvalid(
            "There is no reply to explain.",
            advice="Quote what the server said: bouncelens explain '550 5.1.1 …'",
        )
    _check_codes(code, status)
    judged = judge.judge(text, code, status, domain=(mailed or "").rpartition("@")[2] or None)
    return explained(judge, judged, mailed)


def explained(judge: Judge, judged: Judged, mailed: str | None = None) -> Explanation:
    """All about a reply that was judged by `judge`. `mailed`: as in `explain`."""
    from bouncelens.classify.guidance import advice, lists_named, other_names
    from bouncelens.parse.provider import provider_name, provider_said
    from bouncelens.parse.retry import retry_after_s

    reply, verdict = judged.reply, judged.verdict
    reason = judge.ruleset.reasons[verdict.reason]
    rule = rule_of(judge, verdict.rule)
    provider = judged.template.provider or provider_said(reply.text)
    codes = [*reply.facts.vendor_codes, reply.enhanced_status or ""]
    todo = advice(verdict, codes, provider)
    others = _other_addresses(reply.facts.addresses, mailed)
    lists = lists_named(reply.text)
    return Explanation(
        reply=reply,
        template=judged.template,
        verdict=verdict,
        span=judged.span,
        provider=provider,
        provider_name=provider_name(provider),
        meaning=reason.meaning,
        for_the_address=_for_the_address(verdict),
        actor=ACTORS.get(todo.actor, todo.actor.replace("_", " ")),
        actor_id=todo.actor,
        action=reason.action,
        steps=todo.steps,
        link=_link(todo, lists) if reason.name == "blocklisted" else todo.link,
        family=todo.title,
        lists=lists,
        called_elsewhere=other_names(reason.name),
        rule_file=rule.file if rule else None,
        source=rule.source if rule else None,
        retry_after_s=retry_after_s(reply.text),
        other_addresses=others,
        other_address_note=_note_on(others, mailed),
    )


def _link(todo: Advice, lists: tuple[Blocklist, ...]) -> str | None:
    """Where to go: of a vendor's code its own page, else the page of the list that is named."""
    pages = [named.lookup for named in lists if named.lookup] if todo.title is None else []
    return pages[0] if pages else todo.link


def _check_codes(code: int | None, status: str | None) -> None:
    from bouncelens.parse.codes import sane_code, sane_status

    if code is not None and sane_code(code) is None:
        raise InputInvalid(
            f"{code} is no reply code.", advice="Reply codes are 200 to 599, such as 550."
        )
    if status and sane_status(status) != status.strip():
        raise InputInvalid(
            f"{status[:40]!r} is no enhanced status.",
            advice="It has three numbers and begins with 2, 4 or 5, such as 5.1.1.",
        )


def rule_of(judge: Judge, name: str | None) -> Rule | None:
    """The rule with this id; None where there is none."""
    return next((rule for rule in judge.ruleset.rules if rule.id == name), None) if name else None


def _other_addresses(named: tuple[str, ...], mailed: str | None) -> tuple[str, ...]:
    known = (mailed or "").lower()
    if "@" not in known:
        return named  # each may be another; a domain alone does not tell
    return tuple(address for address in named if address.lower() != known)


def _note_on(others: tuple[str, ...], mailed: str | None) -> str | None:
    if not others:
        return None
    names = ", ".join(others)
    if mailed and "@" in mailed:
        return (
            f"The reply names {names}, another address than the one mailed: where the mail was "
            "forwarded to, or the sender's. Where it was forwarded, the refusal is about the other."
        )
    return (
        f"The reply names {names}. It may be another address than the one mailed: then the mail "
        "was forwarded, or it is the sender's."
    )


def _for_the_address(verdict: Verdict) -> str:
    words = HARDNESSES[verdict.hardness.value]
    return f"{words} The server said: try again." if verdict.is_temporary else words
