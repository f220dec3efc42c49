"""The filters of a page, read from its address and written back into links."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from bouncelens.errors import InputInvalid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_SLUG = re.compile(r"[a-z0-9_.-]{1,64}")
_DOMAIN = re.compile(r"[\w.-]{1,253}")
_LONGEST = 320  # characters: an address has no more
_LARGEST = 2**63 - 1
_YEARS = (1990, 2200)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which bounces a page is about. None = all. Days are
    UTC, as in the questions; `until` is the first day that no longer belongs to the window."""

    since: date | None = None
    until: date | None = None
    account: int | None = None
    provider: str | None = None
    domain: str | None = None
    group: str | None = None
    reason: str | None = None
    job: int | None = None
    hardness: str | None = None
    campaign: str | None = None
    sender_domain: str | None = None
    list: int | None = None
    job_category: str | None = None
    triggered_send: str | None = None
    sfmc_category: str | None = None
    subscriber: str | None = None
    other_since: date | None = None  # the other side of a comparison
    other_until: date | None = None
    other_job: int | None = None
    other_campaign: str | None = None
    path: str = "/"  # of the page that has them

    @property
    def is_any(self) -> bool:
        """Whether anything is filtered."""
        return any(value is not None for value in self._values().values())

    def link(self, **changes: Any) -> str:
        """The address of the page with these filters, some of them changed."""
        return self.path + self._query(**changes)

    def to(self, path: str, **changes: Any) -> str:
        """The address of another page with these filters, some of them changed."""
        return path + self._query(**changes)

    def picture(self, name: str) -> str:
        """The address of a chart's picture, to be completed by a theme."""
        query = self._query()
        return f"/charts/{name}.svg{query}{'&' if query else '?'}"

    def download(self, question: str, form: str) -> str:
        """The address of an answer as a file; of the whole report where no question is named."""
        name = f"report/{question}" if question else "report"
        return f"/api/{name}.{form}{self._query()}"

    @property
    def window(self) -> tuple[datetime | None, datetime | None]:
        """The half-open window, UTC."""
        return _midnight(self.since), _midnight(self.until)

    def others(self) -> dict[str, Any]:
        """What is filtered besides the window, by the names that questions use."""
        named = {
            "account": self.account,
            "provider": self.provider,
            "domain": self.domain,
            "reason_group": self.group,
            "reason": self.reason,
            "job": self.job,
            "hardness": self.hardness,
            "campaign": self.campaign,
            "sender_domain": self.sender_domain,
            "list": self.list,
            "job_category": self.job_category,
            "triggered_send": self.triggered_send,
            "sfmc_category": self.sfmc_category,
            "subscriber": self.subscriber,
            "other_since": _midnight(self.other_since),
            "other_until": _midnight(self.other_until),
            "other_job": self.other_job,
            "other_campaign": self.other_campaign,
        }
        return {name: value for name, value in named.items() if value is not None}

    @property
    def other(self) -> tuple[object, ...]:
        """What is said of the other side of a comparison."""
        return (self.other_since, self.other_until, self.other_job, self.other_campaign)

    def values(self) -> tuple[tuple[str, str], ...]:
        """What is filtered, by name, as forms send it."""
        return tuple((k, str(v)) for k, v in self._values().items() if v is not None)

    def _query(self, **changes: Any) -> str:
        values = replace(self, **changes)._values()
        query = urlencode({name: value for name, value in values.items() if value is not None})
        return f"?{query}" if query else ""

    def _values(self) -> dict[str, Any]:
        names = (field.name for field in fields(self) if field.name != "path")
        return {name: getattr(self, name) for name in names}


def read_filters(
    pairs: Iterable[tuple[str, str]], *, known: Mapping[str, Collection[str]], path: str = "/"
) -> Filters:
    """The filters of a query string. `known`: the words that provider, group and reason may be.

    Raises InputInvalid, naming the filter. An empty value, as a form sends it, filters nothing.
    """
    found: dict[str, Any] = {}
    for name, text in pairs:
        if name not in _READERS:
            raise InputInvalid(f"There is no filter {_short(name)}.", advice=_nearest(name))
        if name in found:
            raise InputInvalid(f"The filter {name!r} is given twice.", advice="Give it once.")
        found[name] = _read(name, text.strip(), known) if text.strip() else None
    filters = Filters(**found, path=path)
    for start, end in (
        (filters.since, filters.until),
        (filters.other_since, filters.other_until),
    ):
        if start and end and start >= end:
            raise InputInvalid(
                f"The window from {start} to before {end} holds no day.",
                advice="Let it end on a later day.",
            )
    return filters


def _read(name: str, text: str, known: Mapping[str, Collection[str]]) -> date | int | str:
    value = _READERS[name](text)
    if value is None:
        raise InputInvalid(
            f"The filter {name!r} cannot be {_short(text)}.", advice=f"It is {_FORMS[name]}."
        )
    if name in known and value not in known[name]:
        near = difflib.get_close_matches(str(value), list(known[name]), 1)
        raise InputInvalid(
            f"There is no {name} {value!r}.", advice=f"Did you mean {near[0]!r}?" if near else ""
        )
    return value


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), tzinfo=UTC) if day else None


def _day(text: str) -> date | None:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if _YEARS[0] <= day.year < _YEARS[1] else None


def _number(text: str) -> int | None:
    if not re.fullmatch(r"[0-9]{1,19}", text):
        return None
    return int(text) if int(text) <= _LARGEST else None


def _domain(text: str) -> str | None:
    return text.lower() if _DOMAIN.fullmatch(text) else None


def _slug(text: str) -> str | None:
    return text if _SLUG.fullmatch(text) else None


def _words(text: str) -> str | None:
    return text if len(text) <= _LONGEST and text.isprintable() else None


_READERS = {
    "since": _day,
    "until": _day,
    "account": _number,
    "provider": _slug,
    "domain": _domain,
    "group": _slug,
    "reason": _slug,
    "job": _number,
    "hardness": _slug,
    "campaign": _words,
    "sender_domain": _domain,
    "list": _number,
    "job_category": _words,
    "triggered_send": _words,
    "sfmc_category": _words,
    "subscriber": _words,
    "other_since": _day,
    "other_until": _day,
    "other_job": _number,
    "other_campaign": _words,
}
_FORMS = {
    "since": "a day such as 2026-11-01",
    "until": "a day such as 2026-12-01, the first that no longer belongs to the window",
    "account": "the MID of a business unit, a whole number",
    "provider": "the name of a provider, such as google",
    "domain": "a receiving domain, such as gmail.com",
    "group": "a group of reasons, such as address",
    "reason": "a reason, such as unknown_user",
    "job": "a JobID, a whole number",
    "hardness": "hard, soft, block, none or unknown",
    "campaign": "the name of an e-mail",
    "sender_domain": "a domain of the sender's address, such as news.example.com",
    "list": "a ListID, a whole number",
    "job_category": "a kind of send, as SFMC says it",
    "triggered_send": "the key of a triggered send",
    "sfmc_category": "a BounceCategory of SFMC",
    "subscriber": "a SubscriberKey or an address",
    "other_since": "a day such as 2026-11-01",
    "other_until": "a day such as 2026-12-01, the first that no longer belongs to the window",
    "other_job": "a JobID, a whole number",
    "other_campaign": "the name of an e-mail",
}


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name, list(_READERS), 1)
    return f"Did you mean {near[0]!r}?" if near else f"Filters are {', '.join(_READERS)}."


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
