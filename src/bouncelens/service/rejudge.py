"""Changed rules and stored templates: what would change, what is not understood yet, take effect.

Templates are judged anew, never rows, so a better rule sets all history right in seconds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bouncelens.bounce import Template, Verdict
from bouncelens.parse.mask import masked
from bouncelens.parse.reply import words_of
from bouncelens.service.hand import (
    carry_over,
    check_reason,
    in_force,
    no_such_template,
    with_hands,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from bouncelens.service.bulk import Entry
    from bouncelens.service.judge import Judge
    from bouncelens.service.workspace import Workspace

_ALL: dict[str, object] = {
    "since": datetime(1990, 1, 1, tzinfo=UTC),
    "until": datetime(2200, 1, 1, tzinfo=UTC),
    "limit": 10_000_000,
}
_DOUBTFUL = 0.6  # confidence; a verdict below it is worth a person's look


@dataclass(frozen=True, slots=True)
class Stored:
    """A template of the lake, and how many bounces it has."""

    template: Template
    sample: str
    bounces: int
    first_seen: datetime | None
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """A template whose verdict differs between two sets of rules."""

    stored: Stored
    before: Verdict
    after: Verdict


@dataclass(frozen=True, slots=True)
class RuleDiff:
    """What other rules would change; `changes` most bounces first."""

    templates: int
    bounces: int
    changes: tuple[Change, ...]

    @property
    def changed_bounces(self) -> int:
        """Bounces whose verdict would change."""
        return sum(change.stored.bounces for change in self.changes)

    @property
    def changed_templates(self) -> int:
        """Stored templates of which some bounces would have another verdict."""
        return len({change.stored.template.template_id for change in self.changes})


@dataclass(frozen=True, slots=True)
class Mined:
    """A template that the rules do not understand, or hardly."""

    stored: Stored
    verdict: Verdict
    why: str  # unclassified, doubtful, new


@dataclass(frozen=True, slots=True)
class Rejudged:
    """What judging all templates again came to."""

    templates: int
    changed: int  # verdicts that differ from the stored ones
    moved: int = 0  # bounces whose reply is another template by today's rules


def diff_rules(workspace: Workspace, before: Judge, after: Judge) -> RuleDiff:
    """Which stored templates `after` judges otherwise than `before`. Changes nothing.

    A rule that speaks of a code or host keeps the mask from hiding it: then every stored reply is
    masked by `after`, and what was one template may change in part.
    """
    if before.ruleset.mentions != after.ruleset.mentions:
        return _diff_by_reply(workspace, before, after)
    changes, count, bounces = [], 0, 0
    by_hand = in_force(workspace)
    for stored in stored_templates(workspace):
        count, bounces = count + 1, bounces + stored.bounces
        if stored.template.template_id in by_hand:
            continue
        one, two = (verdict_on(judge, stored) for judge in (before, after))
        if _essence(one) != _essence(two):
            changes.append(Change(stored, one, two))
    changes.sort(key=lambda change: -change.stored.bounces)
    return RuleDiff(count, bounces, tuple(changes))


def _diff_by_reply(workspace: Workspace, before: Judge, after: Judge) -> RuleDiff:
    from bouncelens.service.judge import replies_of
    from bouncelens.store.anew import each_reply

    counts: Counter[tuple[int, Template]] = Counter()
    by_template: dict[Template, Entry] = {}
    for rows in each_reply(workspace.lake):
        numbers, entries = after.bulk.look_up(replies_of(rows))
        pairs = rows.select(["template_id"]).append_column("number", [numbers.tolist()])
        grouped = pairs.group_by(["template_id", "number"]).aggregate([([], "count_all")])
        for row in grouped.to_pylist():
            entry = entries[row["number"]]
            counts[row["template_id"], entry.template] += row["count_all"]
            by_template.setdefault(entry.template, entry)
    by_hand, changes = in_force(workspace), []
    stored = {each.template.template_id: each for each in stored_templates(workspace)}
    for (key, template), bounces in counts.items():
        if key in by_hand or key not in stored:
            continue
        entry = by_template[template]
        one, two = verdict_on(before, stored[key]), entry.verdict
        if _essence(one) != _essence(two):
            changes.append(
                Change(replace(stored[key], sample=entry.sample, bounces=bounces), one, two)
            )
    changes.sort(key=lambda change: -change.stored.bounces)
    return RuleDiff(len(stored), sum(each.bounces for each in stored.values()), tuple(changes))


def mine(
    workspace: Workspace, judge: Judge, *, limit: int = 50, new_since: datetime | None = None
) -> tuple[Mined, ...]:
    """Templates worth a rule, most bounces first: unclassified, doubtful, or new since then."""
    found = []
    by_hand = in_force(workspace)
    for stored in stored_templates(workspace):
        if stored.template.template_id in by_hand:
            continue
        verdict = verdict_on(judge, stored)
        if verdict.reason == "unclassified":
            found.append(Mined(stored, verdict, "unclassified"))
        elif verdict.confidence < _DOUBTFUL:
            found.append(Mined(stored, verdict, "doubtful"))
        elif new_since and stored.first_seen and stored.first_seen >= new_since:
            found.append(Mined(stored, verdict, "new"))
    found.sort(key=lambda mined: -mined.stored.bounces)
    return tuple(found[:limit])


def rejudge(workspace: Workspace, judge: Judge, *, mask_anew: bool = False) -> Rejudged:
    """Judge every stored template by `judge`'s rules and store the verdicts; what a person set by
    hand stays. `mask_anew`: first give every bounce the template that its reply is today."""
    from bouncelens.service.judge import verdict_table

    moved = mask_stored_anew(workspace, judge) if mask_anew else 0
    known = {_told(row) for row in workspace.lake.read("verdicts").to_pylist()}
    ids, verdicts = [], []
    for stored in _templates(workspace.lake.read("templates"), Counter()):
        ids.append(stored.template.template_id)
        verdicts.append(verdict_on(judge, stored))
    table = with_hands(verdict_table(ids, verdicts, judge.ruleset.hash), workspace)
    if ids:
        workspace.lake.put_verdicts(table)
    if moved:
        workspace.lake.tidy()
    changed = sum(_told(row) not in known for row in table.to_pylist())
    return Rejudged(len(ids), changed, moved)


def mask_stored_anew(workspace: Workspace, judge: Judge) -> int:
    """Give every stored bounce the template that its reply is by `judge`'s rules; how many moved.

    Templates and verdicts are written before the bounces that need them, and months one by one:
    stopped at any moment, the lake is whole, and another run finishes the work.
    """
    from bouncelens.service.judge import judge_events
    from bouncelens.store.anew import make_anew

    def made(rows: pa.Table) -> pa.Table:
        return judge_events(rows, judge).bounces

    def settle(rows: pa.Table) -> None:
        import pyarrow as pa

        judged = judge_events(rows.select(["event_time", *_READ]), judge)
        carry_over(workspace, rows.select(["template_id", "new_template_id"]))
        workspace.lake.put_templates(judged.templates)
        workspace.lake.put_verdicts(with_hands(pa.table(judged.verdicts), workspace))

    return make_anew(workspace.lake, made, settle).moved


_READ = ("reply_text", "sfmc_code", "domain")


def _told(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["template_id"], row["reason"], row["hardness"], row["rule"]


def verdict_on(judge: Judge, stored: Stored) -> Verdict:
    """The verdict on a stored template, with evidence from its sample."""
    judgement = judge.classifier.judge(stored.template)
    words = words_of(stored.sample)[0]
    mask = masked(words, judge.keep)
    if judgement.end <= judgement.start or mask.text != stored.template.text:
        return judgement.verdict
    start, end = mask.source_span(judgement.start, judgement.end)
    return replace(judgement.verdict, evidence=words[start:end])


def draft_from(workspace: Workspace, ids: Sequence[int], *, reason: str, name: str) -> str:
    """A drafted rule for stored templates. Raises InputInvalid for an unknown id or reason."""
    judge = workspace.classifier
    check_reason(judge, reason)
    rows = workspace.lake.read("templates").select(["template_id", "sample"]).to_pylist()
    samples = {row["template_id"]: row["sample"] or "" for row in rows}
    if missing := [key for key in ids if key not in samples]:
        raise no_such_template(missing[0])
    return draft_rule([samples[key] for key in ids], judge, reason=reason, name=name)


def draft_rule(samples: Sequence[str], judge: Judge, *, reason: str, name: str) -> str:
    """A rule in TOML for `samples` to start from: the longest words that all of them share."""
    import re2

    texts = [masked(words_of(sample)[0], judge.keep).text for sample in samples]
    shared = _shared(texts)
    lines = [
        "[[rule]]",
        f"id = {_quoted(name)}",
        f"reason = {_quoted(reason)}",
        f"text = {_literal(re2.escape(shared).replace(chr(92) + ' ', ' '))}",
        'source = "seen in our own bounces"',
        "examples = [",
        *(f"  {_quoted(sample)}," for sample in samples),
        "]",
        'not_examples = ["550 5.1.1 User unknown"]',
    ]
    return "\n".join(lines) + "\n"


def stored_templates(workspace: Workspace) -> Iterator[Stored]:
    """Every template of the lake that a bounce has, with how many."""
    rows = workspace.engine.ask("templates_newest", _ALL)
    counts: Counter[int] = Counter()
    for row in rows.select(["template_id", "bounces"]).to_pylist():
        counts[row["template_id"]] = row["bounces"]
    for stored in _templates(workspace.lake.read("templates"), counts):
        if stored.bounces:
            yield stored


def _templates(rows: pa.Table, counts: Counter[int]) -> Iterator[Stored]:
    for row in rows.to_pylist():
        key = row["template_id"]
        template = Template(key, row["template"], row["code"], row["status"], row["provider"])
        yield Stored(
            template, row["sample"] or "", counts[key], row["first_seen"], row["last_seen"]
        )


def _essence(verdict: Verdict) -> tuple[Any, ...]:
    return verdict.reason, verdict.hardness, verdict.is_temporary, verdict.rule


def _shared(texts: Sequence[str]) -> str:
    """The longest run of whole words that all texts hold; placeholders and codes do not count."""
    words = [text.split() for text in texts]
    first = min(words, key=len)
    spans = sorted(
        (
            (end - start, start, end)
            for start in range(len(first))
            for end in range(start + 1, len(first) + 1)
        ),
        reverse=True,
    )
    padded = [f" {' '.join(each)} " for each in words]
    for _, start, end in spans:
        run = " ".join(first[start:end])
        if any(sign in run for sign in "<>") or not any(sign.isalpha() for sign in run):
            continue
        if all(f" {run} " in text for text in padded):
            return run
    return texts[0]


def _quoted(words: str) -> str:
    import json

    return json.dumps(words, ensure_ascii=False)


def _literal(pattern: str) -> str:
    return f"'{pattern}'" if "'" not in pattern else _quoted(pattern)
