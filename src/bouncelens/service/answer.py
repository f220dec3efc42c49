"""What `classify` answers: a verdict at once, and what else a reply says when it is asked for.

A program that judges millions reads reasons; only for the few it looks into are facts, steps and
sources worked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, overload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bouncelens.bounce import Hardness, Verdict
    from bouncelens.classify.guidance import Blocklist
    from bouncelens.service.bulk import Entry
    from bouncelens.service.explain import Explanation
    from bouncelens.service.judge import Judge, Judged


@dataclass(frozen=True, slots=True)
class NamedFacts:
    """What a reply's words name, each kind in order of appearance."""

    blocklists: tuple[Blocklist, ...]
    ips: tuple[str, ...]
    urls: tuple[str, ...]
    hosts: tuple[str, ...]
    addresses: tuple[str, ...]
    other_addresses: tuple[str, ...]  # of these, all that are not the one mailed
    vendor_codes: tuple[str, ...]  # e.g. "S3140", "TSS04", "AUP#CXBL"
    retry_after_s: int | None  # seconds to wait that the server asks for


class Asked(NamedTuple):
    """What `classify` was asked about."""

    text: str | bytes | None
    code: int | None = None
    status: str | None = None
    domain: str | None = None
    provider: str | None = None


class Answer:
    """A verdict on one reply. Everything but it is worked out when first read."""

    def __init__(self, judge: Judge, asked: Asked, verdict: Verdict) -> None:
        """`verdict`: that of the reply's template; its evidence may hold placeholders."""
        self._judge, self._asked, self._shared = judge, asked, verdict

    @property
    def reason(self) -> str:
        """What the reply means: one of docs/reasons."""
        return self._shared.reason

    @property
    def group(self) -> str:
        """The reason's group."""
        return self._shared.group

    @property
    def hardness(self) -> Hardness:
        """What it means for the address."""
        return self._shared.hardness

    @property
    def is_temporary(self) -> bool:
        """Whether the server said: try again."""
        return self._shared.is_temporary

    @property
    def rule(self) -> str | None:
        """Id of the rule that decided; None where none did."""
        return self._shared.rule

    @property
    def confidence(self) -> float:
        """0 to 1."""
        return self._shared.confidence

    @property
    def evidence(self) -> str:
        """The words that decided, as this server wrote them."""
        return self.verdict.evidence

    @property
    def span(self) -> tuple[int, int] | None:
        """Where they stand in `text`, end exclusive; None where a code alone decided."""
        return self._judged.span

    @property
    def text(self) -> str:
        """The reply as it was read: decoded, on one line, no control characters."""
        return self._judged.reply.text

    @property
    def code(self) -> int | None:
        """The reply code."""
        return self._judged.reply.code

    @property
    def status(self) -> str | None:
        """The enhanced status, RFC 3463."""
        return self._judged.reply.enhanced_status

    @property
    def provider(self) -> str | None:
        """Slug of who runs the mailbox: by provider or domain given, else as the reply says."""
        return self.explanation.provider

    @property
    def meaning(self) -> str:
        """What the reason means, in a sentence."""
        return self.explanation.meaning

    @property
    def actor(self) -> str:
        """Who has to act: list_owner, dns_admin, content_author, platform_support, …"""
        return self.explanation.actor_id

    @property
    def steps(self) -> tuple[str, ...]:
        """What to do, in order."""
        return self.explanation.steps

    @property
    def link(self) -> str | None:
        """A postmaster page or form that helps."""
        return self.explanation.link

    @property
    def source(self) -> str | None:
        """What the rule relies on; None where no rule decided."""
        return self.explanation.source

    @cached_property
    def facts(self) -> NamedFacts:
        """What the words name."""
        named, found = self._judged.reply.facts, self.explanation
        return NamedFacts(
            blocklists=found.lists,
            ips=named.ips,
            urls=named.urls,
            hosts=named.hosts,
            addresses=named.addresses,
            other_addresses=found.other_addresses,
            vendor_codes=named.vendor_codes,
            retry_after_s=found.retry_after_s,
        )

    @cached_property
    def verdict(self) -> Verdict:
        """The bare verdict: a frozen dataclass that compares, copies and pickles."""
        return self._judged.verdict

    @cached_property
    def explanation(self) -> Explanation:
        """All that `bouncelens explain` shows."""
        from bouncelens.service.explain import explained

        return explained(self._judge, self._judged, self._asked.domain)

    @cached_property
    def _judged(self) -> Judged:
        text, code, status, domain, provider = self._asked
        host = (domain or "").rpartition("@")[2] or None
        return self._judge.judge(text, code, status, domain=host, provider=provider)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Answer):
            return NotImplemented
        return self._asked == other._asked and self.verdict == other.verdict

    def __hash__(self) -> int:
        return hash(self._asked)

    def __repr__(self) -> str:
        said = f"{self.reason!r}, {self.hardness.value}, rule={self.rule!r}"
        return f"<Answer {said}, confidence={self.confidence}>"


class Answers(Sequence[Answer]):
    """The answers on many replies, in order; each is made when it is looked at."""

    def __init__(self, judge: Judge, texts: list[str | None], *, rows: int) -> None:
        """Judge `texts`, `rows` at a time; each distinct template once."""
        import pyarrow as pa

        from bouncelens.service.bulk import Replies

        self._judge, self._texts, self._rows = judge, texts, rows
        self._found: list[tuple[Any, list[Entry]]] = [
            judge.bulk.look_up(Replies(pa.array(texts[start : start + rows], pa.string())))
            for start in range(0, len(texts), rows)
        ]

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, at: int) -> Answer: ...
    @overload
    def __getitem__(self, at: slice) -> list[Answer]: ...
    def __getitem__(self, at: int | slice) -> Answer | list[Answer]:
        if isinstance(at, slice):
            return [self[row] for row in range(*at.indices(len(self)))]
        row = range(len(self))[at]  # IndexError, and places from the end
        numbers, entries = self._found[row // self._rows]
        entry = entries[numbers[row % self._rows]]
        return Answer(self._judge, Asked(self._texts[row]), entry.shared)

    def __iter__(self) -> Iterator[Answer]:
        judge = self._judge
        for place, (numbers, entries) in enumerate(self._found):
            texts = self._texts[place * self._rows : (place + 1) * self._rows]
            for text, number in zip(texts, numbers.tolist(), strict=True):
                yield Answer(judge, Asked(text), entries[number].shared)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]
