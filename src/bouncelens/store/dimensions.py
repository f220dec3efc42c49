"""What bounces are counted by, and what is counted: names, SQL and meaning, each in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bouncelens.errors import QuestionInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Docs = dict[str, tuple[str | None, str]]  # column: unit, meaning


@dataclass(frozen=True, slots=True)
class Dimension:
    """Something to count by. `columns`: name, SQL over tallied AS b, SQL over the sent counts
    (sent AS s, job_facts AS j) or None where these do not know it, and meaning."""

    name: str
    columns: tuple[tuple[str, str, str | None, str], ...]
    of: str = ""  # completes "messages sent …" where sent counts know it
    clock: Literal["", "send", "event"] = ""
    is_by_domain: bool = False  # known only where sent counts are by receiving domain
    joins: str = ""  # what else has to be joined, on either side

    @property
    def meaning(self) -> str:
        """What it is: the meaning of the column of its name, else of its first."""
        return next((c[3] for c in self.columns if c[0] == self.name), self.columns[0][3])

    @property
    def has_sent(self) -> bool:
        """Whether it is known how much was sent per value."""
        return self.columns[0][2] is not None


_TRIGGERS = "LEFT JOIN job_triggers AS t ON t.account = {0}.account AND t.job = {0}.job"
_PROVIDER = "who runs the receiving mailbox; 'other' where neither name nor MX tells"
_DOMAIN = "domain of the address; '' where no route told it"
_TRIGGERED = "key of the triggered send, of a journey's e-mail too; NULL where the job is none"
_WEEK = "CAST(date_trunc('week', {}) AS DATE)"
_MONTH = "CAST(date_trunc('month', {}) AS DATE)"


def _same(column: str, doc: str) -> tuple[str, str, str | None, str]:
    return column, f"b.{column}", f"j.{column}", doc


def _only(column: str, doc: str, sql: str = "") -> tuple[str, str, str | None, str]:
    return column, sql or f"b.{column}", None, doc


_ALL = (
    Dimension("day", (("day", "b.send_day", "s.day", "day of the send, UTC"),),
              "on that day", "send"),
    Dimension("week", (("week", _WEEK.format("b.send_day"), _WEEK.format("s.day"),
                        "Monday of the week of the send, UTC"),), "in that week", "send"),
    Dimension("month", (("month", _MONTH.format("b.send_day"), _MONTH.format("s.day"),
                         "first day of the month of the send, UTC"),), "in that month", "send"),
    Dimension(
        "hour_of_week",
        (
            _same("weekday", "weekday on which the job began, UTC: 1 is Monday; NULL where it "
                  "is not known, or the job was sent over several days"),
            _same("hour", "hour in which the job began, UTC, 0 to 23"),
        ),
        "by jobs begun in that hour", "send",
    ),
    Dimension("event_day", (_only("event_day", "day on which the bounce came, UTC"),),
              clock="event"),
    Dimension("event_week", (_only("event_week", "Monday of the week in which the bounce came, UTC",
                                   _WEEK.format("b.event_day")),), clock="event"),
    Dimension(
        "event_hour_of_week",
        (
            _only("event_weekday", "weekday on which the bounce came, UTC: 1 is Monday",
                  "isodow(b.event_day)"),
            _only("event_hour", "hour in which the bounce came, UTC, 0 to 23",
                  "b.event_hour"),
        ),
        clock="event",
    ),
    Dimension("reason", (_only("reason", "what the reply means"),)),
    Dimension("group", (_only("reason_group", "family of reasons"),)),
    Dimension("hardness", (_only("hardness", "hard, soft, block, none or unknown"),)),
    Dimension("sfmc_category", (_only("sfmc_category", "SFMC's BounceCategory; NULL where no "
                                      "route told it"),)),
    Dimension("list", (_only("list_id", "SFMC ListID; NULL where no route told it"),)),
    Dimension("provider", (("provider", "b.provider", "s.provider", _PROVIDER),),
              "to that provider", is_by_domain=True),
    Dimension("domain", (("domain", "b.domain", "s.domain", _DOMAIN),),
              "to that domain", is_by_domain=True),
    Dimension("account", (("account", "b.account", "s.account", "MID of the business unit"),),
              "by that business unit"),
    Dimension(
        "job",
        (
            ("account", "b.account", "s.account", "MID of the business unit"),
            ("job", "b.job", "s.job", "SFMC JobID"),
        ),
        "by that job",
    ),
    Dimension("campaign", (_same("campaign", "name of the e-mail; NULL where the job is not "
                                 "known"),), "with that e-mail"),
    Dimension("sender_domain", (_same("sender_domain", "domain of the sender's address; NULL "
                                      "where the job is not known"),), "from that domain"),
    Dimension("job_category", (_same("job_category", "what kind of send SFMC says it is; NULL "
                                     "where it is not known"),), "by sends of that kind"),
    Dimension(
        "triggered_send",
        (("triggered_send", "t.triggered_send", "t.triggered_send", _TRIGGERED),),
        "by that triggered send's jobs, as far as one of their bounces names it",
        joins=_TRIGGERS,
    ),
)  # fmt: skip
DIMENSIONS: Mapping[str, Dimension] = {dimension.name: dimension for dimension in _ALL}
SYNONYMS: Mapping[str, str] = {
    "email_name": "campaign",
    "journey": "triggered_send",
    "reason_group": "group",
    "business_unit": "account",
    "list_id": "list",
}

# Column: unit and meaning. The SQL of each is in `_counted` and `_rates`.
MEASURES: Mapping[str, tuple[str | None, str]] = {
    "bounces": ("events", "bounce events, repeated ones of a message among them"),
    "bounced": ("messages", "messages that bounced: distinct account, job and subscriber"),
    "uncounted": (
        "messages",
        "those of them whose job's sent count is not known; not in the rate",
    ),
    "sent": ("messages", "messages sent; NULL where not known"),
    "rate": ("share", "(bounced - uncounted) / sent"),
    "low": ("share", "lower end of the rate's 95 % interval (Wilson)"),
    "high": ("share", "upper end of the rate's 95 % interval (Wilson)"),
    "hard": ("messages", "bounced with a hard verdict"),
    "soft": ("messages", "bounced with a soft verdict"),
    "block": ("messages", "bounced with a block verdict"),
    "unclassified": ("messages", "bounced without enough said to decide"),
    "first_event": (None, "earliest bounce counted, UTC"),
    "last_event": (None, "latest bounce counted, UTC"),
}
DETAILS = frozenset(
    {"account", "uncounted", "low", "high", "hard", "soft", "block", "first_event", "last_event"}
)


def column_docs() -> Docs:
    """Unit and meaning of every column that dimensions and measures can have."""
    docs: Docs = {name: (None, doc) for d in _ALL for name, _, _, doc in d.columns}
    return docs | dict(MEASURES)


def dimensions(names: Iterable[str]) -> tuple[Dimension, ...]:
    """The dimensions of these names or synonyms, each once. Raises QuestionInvalid."""
    found: dict[str, Dimension] = {}
    for word in names:
        name = SYNONYMS.get(word, word)
        if name not in DIMENSIONS:
            raise QuestionInvalid(
                f"There is no dimension {word[:60]!r}.",
                advice=f"There are {', '.join(DIMENSIONS)}.",
            )
        found[name] = DIMENSIONS[name]
    return tuple(found.values())
