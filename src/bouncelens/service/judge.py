"""A reply into a verdict, end to end: read, mask, judge, and quote the server's own words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bouncelens.bounce import Reply, Template, Verdict
from bouncelens.classify.classifier import Classifier, Judgement
from bouncelens.classify.ruleset import Ruleset
from bouncelens.parse.codes import sane_code, sane_status
from bouncelens.parse.mask import Masked, masked, template_id
from bouncelens.parse.provider import provider_of
from bouncelens.parse.reply import reply_and_mask, words_of
from bouncelens.parse.skeleton import Keep, keep_of
from bouncelens.service.rule_cache import prepared_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    import pyarrow as pa

    from bouncelens.service.bulk import Bulk, Entry, Replies


@dataclass(frozen=True, slots=True)
class Judged:
    """One reply, judged."""

    reply: Reply
    template: Template
    verdict: Verdict
    span: tuple[int, int] | None  # of the words in `reply.text` that decided; None: a code did


class Judge:
    """Judges replies by one rule set; the mask keeps what its rules speak of."""

    def __init__(self, ruleset: Ruleset, keep: Keep | None = None) -> None:
        """`keep`: what the mask has to keep, where it is known already."""
        self.ruleset = ruleset
        self._keep = keep

    @classmethod
    def of_rules(cls, extra: Sequence[Path] = ()) -> Judge:
        """A judge by our rules, preceded by those in the files `extra`. Raises RuleInvalid."""
        prepared = prepared_rules(extra)
        return cls(prepared.ruleset, prepared.keep)

    @cached_property
    def classifier(self) -> Classifier:
        """The classifier, its patterns compiled at first use."""
        return Classifier(self.ruleset)

    @cached_property
    def keep(self) -> Keep:
        """What the mask has to keep."""
        if self._keep is not None:
            return self._keep
        mentions = self.ruleset.mentions
        return keep_of(mentions.hosts, mentions.codes, mentions.code_patterns)

    def judge(
        self,
        text: str | bytes | None,
        code: int | None = None,
        status: str | None = None,
        *,
        domain: str | None = None,
        provider: str | None = None,
    ) -> Judged:
        """The verdict on one reply. `code` and `status` count where the text has none."""
        reply, mask = reply_and_mask(text, self.keep, code=code, status=status)
        codes = reply.code, reply.enhanced_status
        template, judgement = self._judged(mask, codes, provider or provider_of(domain))
        span = _span(judgement, mask)
        return Judged(reply, template, quoted(judgement, mask), span)

    def template_and_verdict(
        self,
        text: str | bytes | None,
        code: int | None = None,
        status: str | None = None,
        *,
        provider: str | None = None,
    ) -> tuple[Template, Verdict]:
        """The same without the reply's facts."""
        template, judgement, mask = self.judgement(text, code, status, provider=provider)
        return template, quoted(judgement, mask)

    def judgement(
        self,
        text: str | bytes | None,
        code: int | None = None,
        status: str | None = None,
        *,
        provider: str | None = None,
        quickly: Callable[[str], str | None] | None = None,
    ) -> tuple[Template, Judgement, Masked]:
        """The template, its judgement, and what leads from there to the server's own words.

        `quickly`: as in `masked`.
        """
        mask = masked(words_of(text)[0], self.keep, quickly=quickly)
        # The words' own codes count; what other columns claim, where the words hold none.
        code = mask.code if mask.code is not None else sane_code(code)
        codes = code, mask.status or sane_status(status)
        return (*self._judged(mask, codes, provider), mask)

    @cached_property
    def bulk(self) -> Bulk:
        """The way for many replies at once."""
        from bouncelens.service.bulk import Bulk

        return Bulk(self)

    def _judged(
        self, mask: Masked, codes: tuple[int | None, str | None], provider: str | None
    ) -> tuple[Template, Judgement]:
        key = template_id(mask.text, *codes, provider)
        template = Template(key, mask.text, *codes, provider)
        return template, self.classifier.judge(template)


def quoted(judgement: Judgement, mask: Masked) -> Verdict:
    """The verdict with the server's own words as evidence."""
    span = _span(judgement, mask)
    if span is None:
        return judgement.verdict
    return replace(judgement.verdict, evidence=mask.words[slice(*span)])


def _span(judgement: Judgement, mask: Masked) -> tuple[int, int] | None:
    if judgement.end <= judgement.start:
        return None
    return mask.source_span(judgement.start, judgement.end)


@dataclass(frozen=True, slots=True)
class JudgedEvents:
    """Events as the lake stores them, and each of their templates judged once."""

    bounces: pa.Table
    templates: pa.Table
    verdicts: pa.Table


def judge_events(events: pa.Table, judge: Judge) -> JudgedEvents:
    """Read, mask and judge the replies of `events` (of `event_schema()`, or its later fields).

    `bounces` has the events' columns, `route` as `routes`, and `provider` and `template_id`.
    """
    import pyarrow as pa

    events = events.combine_chunks()
    replies = replies_of(events)
    numbers, entries = judge.bulk.look_up(replies)
    ids = [entry.template.template_id for entry in entries]
    bounces = events.rename_columns(
        ["routes" if name == "route" else name for name in events.column_names]
    )
    providers: Any = replies.providers
    bounces = bounces.append_column("provider", providers)
    bounces = bounces.append_column(
        "template_id", pa.array(ids, pa.int64()).take(pa.array(numbers))
    )
    seen = _first_and_last(bounces)
    used = {
        entry.template.template_id: entry for entry in (entries[n] for n in set(numbers.tolist()))
    }
    rows = [(used[key], first, last) for key, first, last in seen]
    return JudgedEvents(
        bounces, _templates(rows), _verdicts([entry for entry, _, _ in rows], judge.ruleset.hash)
    )


def replies_of(events: pa.Table) -> Replies:
    """What events are judged by."""
    from bouncelens.service.bulk import Replies, providers_of

    text, code, domain = (_one_chunk(events[name]) for name in _JUDGED_BY)
    return Replies(text, codes=code, providers=providers_of(domain))


_JUDGED_BY = ("reply_text", "sfmc_code", "domain")


def _one_chunk(column: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    import pyarrow as pa

    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else combined.chunk(0)


def _first_and_last(bounces: pa.Table) -> list[tuple[int, datetime | None, datetime | None]]:
    grouped = bounces.group_by("template_id").aggregate(
        [("event_time", "min"), ("event_time", "max")]
    )
    names = ("template_id", "event_time_min", "event_time_max")
    return list(zip(*(grouped[name].to_pylist() for name in names), strict=True))


def _templates(rows: Sequence[tuple[Entry, datetime | None, datetime | None]]) -> pa.Table:
    import pyarrow as pa

    when = pa.timestamp("us", tz="UTC")
    entries = [entry for entry, _, _ in rows]
    return pa.table(
        {
            "template_id": pa.array([e.template.template_id for e in entries], pa.int64()),
            "template": pa.array([e.template.text for e in entries], pa.string()),
            "code": pa.array([e.template.code for e in entries], pa.int32()),
            "status": pa.array([e.template.status for e in entries], pa.string()),
            "provider": pa.array([e.template.provider for e in entries], pa.string()),
            "sample": pa.array([e.sample for e in entries], pa.string()),
            "first_seen": pa.array([first for _, first, _ in rows], when),
            "last_seen": pa.array([last for _, _, last in rows], when),
        }
    )


def _verdicts(entries: Sequence[Entry], ruleset: str) -> pa.Table:
    ids = [entry.template.template_id for entry in entries]
    return verdict_table(ids, [entry.verdict for entry in entries], ruleset)


def verdict_table(ids: Sequence[int], verdicts: Sequence[Verdict], ruleset: str) -> pa.Table:
    """Verdicts on templates as the lake stores them; `ruleset`: the hash of the rules."""
    import pyarrow as pa

    return pa.table(
        {
            "template_id": pa.array(ids, pa.int64()),
            "reason": pa.array([v.reason for v in verdicts], pa.string()),
            "reason_group": pa.array([v.group for v in verdicts], pa.string()),
            "hardness": pa.array([v.hardness.value for v in verdicts], pa.string()),
            "is_temporary": pa.array([v.is_temporary for v in verdicts], pa.bool_()),
            "rule": pa.array([v.rule for v in verdicts], pa.string()),
            "confidence": pa.array([v.confidence for v in verdicts], pa.float64()),
            "evidence": pa.array([v.evidence for v in verdicts], pa.string()),
            "actor": pa.array([v.actor for v in verdicts], pa.string()),
            "ruleset": pa.array([ruleset] * len(verdicts), pa.string()),
        }
    )
