"""One reply, explained to a person who does not know SMTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bouncelens.errors import InputInvalid

if TYPE_CHECKING:
    from bouncelens.bounce import Reply, Template, Verdict
    from bouncelens.classify.guidance import Blocklist, OtherNames
    from bouncelens.classify.ruleset import Rule
    from bouncelens.service.judge import Judge

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
    meaning: str
    for_the_address: str  # what hardness and temporary mean for it
    actor: str  # in words
    action: str  # in one sentence
    steps: tuple[str, ...]  # the same in order
    link: str | None  # a postmaster page or form that helps
    family: str | None  # the family of vendor codes that the steps are for
    lists: tuple[Blocklist, ...]  # public lists that the reply names
    called_elsewhere: OtherNames
    rule_file: str | None
    source: str | None  # what the rule relies on


def explain(
    judge: Judge,
    text: str,
    *,
    code: int | None = None,
    status: str | None = None,
    domain: str | None = None,
) -> Explanation:
    """Judge one reply and say all about it. Raises InputInvalid when there is nothing to judge."""
    if not text.strip() and code is None and not status:
        raise InputInvalid(
            "There is no reply to explain.",
            advice="Quote what the server said: bouncelens explain '550 5.1.1 …'",
        )
    from bouncelens.classify.guidance import advice, lists_named, other_names

    judged = judge.judge(text, code, status, domain=domain)
    reason = judge.ruleset.reasons[judged.verdict.reason]
    rule = rule_of(judge, judged.verdict.rule)
    codes = [*judged.reply.facts.vendor_codes, judged.reply.enhanced_status or ""]
    todo = advice(judged.verdict, codes, judged.template.provider)
    return Explanation(
        reply=judged.reply,
        template=judged.template,
        verdict=judged.verdict,
        meaning=reason.meaning,
        for_the_address=_for_the_address(judged.verdict),
        actor=ACTORS.get(todo.actor, todo.actor.replace("_", " ")),
        action=reason.action,
        steps=todo.steps,
        link=todo.link,
        family=todo.title,
        lists=lists_named(judged.reply.text),
        called_elsewhere=other_names(reason.name),
        rule_file=rule.file if rule else None,
        source=rule.source if rule else None,
    )


def rule_of(judge: Judge, name: str | None) -> Rule | None:
    """The rule with this id; None where there is none."""
    return next((rule for rule in judge.ruleset.rules if rule.id == name), None) if name else None


def _for_the_address(verdict: Verdict) -> str:
    words = HARDNESSES[verdict.hardness.value]
    return f"{words} The server said: try again." if verdict.is_temporary else words
