"""What to make: the size, the span and the seed of a world, and the numbers that follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from sfmc_sandbox.clock import DAY_MS, epoch_ms

DEFAULT_BOUNCES = 60_000
# Relative to the default number of bounces.
_SUBSCRIBERS = 150_000
_SENDS = 2_000_000
_JOBS = 200


@dataclass(frozen=True, slots=True)
class Unit:
    """A business unit of the tenant."""

    mid: int
    name: str
    parent: int | None
    share: float  # of subscribers and jobs
    sender_domain: str
    ips: tuple[str, ...]


UNITS = (
    Unit(7_000_100, "Alderbrook Group", None, 0.04, "mail.alderbrook.example", ("192.0.2.10",)),
    Unit(
        7_000_101, "Alderbrook Retail", 7_000_100, 0.38,
        "news.alderbrook-retail.example", ("192.0.2.21", "192.0.2.22"),
    ),
    Unit(
        7_000_102, "Alderbrook Travel", 7_000_100, 0.27,
        "offers.alderbrook-travel.example", ("198.51.100.31", "198.51.100.32"),
    ),
    Unit(
        7_000_103, "Alderbrook Finance", 7_000_100, 0.19,
        "info.alderbrook-finance.example", ("203.0.113.41",),
    ),
    Unit(
        7_000_104, "Alderbrook Services", 7_000_100, 0.12,
        "service.alderbrook.example", ("203.0.113.51",),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tale:
    """A story before it has a date: where in the span it lies, and what it does."""

    name: str
    reason: str
    at: float | datetime  # share of the span that has passed, or the moment; see Plan.at
    days: float
    unit: int | None  # index of the unit; None = all
    families: tuple[str, ...]
    odds: float
    jobs: int
    hours: float = 0.0  # how much later than `at` it begins
    rest: tuple[float, ...] = ()  # from which hour of it to which one nothing goes wrong
    domains: tuple[str, ...] = ()  # receiving domains; empty = those of the families
    kills: bool = False  # whom it strikes is dead from its beginning on
    asleep_days: float = 0.0  # of the old list: mailed until so many days before; 0 = never


TALES = (
    Tale("old_list", "unknown_user", 0.27, 1, 1, (), 0.0, 1),
    Tale("microsoft_block", "blocklisted", 0.48, 4, 2, ("microsoft_consumer",), 0.93, 4),
    Tale(
        "dmarc_break", "auth_failure", 0.68, 5, 3,
        ("google", "microsoft_consumer", "microsoft365", "yahoo", "comcast", "gmx", "mimecast"),
        0.26, 3,
    ),
    # Twice, as on 14 and 15 December 2020: 22:16 to 00:38 and 19:38 to 23:57 UTC.
    Tale(
        "gmail_false_bounce", "unknown_user", 0.86, 1541 / 1440, None, ("google",), 0.5, 4,
        hours=10 + 16 / 60, rest=(142 / 60, 1282 / 60),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """A world before it is made. Times are UTC; `until` itself lies outside."""

    seed: int = 7
    until: datetime = field(
        default_factory=lambda: datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    )
    months: int = 12
    bounces: int = DEFAULT_BOUNCES  # aimed at, met within a tenth or so
    units: tuple[Unit, ...] = UNITS
    noise: float = 1.0  # everyday trouble, relative to causes.toml
    people: int | None = None  # subscribers; None: as many as fit the bounces
    messages: int | None = None  # sends
    sendings: int | None = None  # jobs
    blocks_count: bool = False  # whether block and technical bounces count towards Held
    engagement: float = 1.0  # odds of opens, relative to the default
    tales: tuple[Tale, ...] = TALES
    shares: tuple[tuple[str, float], ...] = ()  # weight of a receiving family; others stay at 1

    @property
    def scale(self) -> float:
        """Size relative to the default tenant."""
        return self.bounces / DEFAULT_BOUNCES

    @property
    def subscribers(self) -> int:
        """How many people are on the lists."""
        return self.people or max(400, round(_SUBSCRIBERS * self.scale))

    @property
    def sends(self) -> int:
        """How many messages are sent, about."""
        return self.messages or max(4_000, round(_SENDS * self.scale))

    @property
    def jobs(self) -> int:
        """How many jobs are run."""
        return self.sendings or max(24, round(_JOBS * self.months / 12))

    @property
    def start_ms(self) -> int:
        """First moment of the world, milliseconds since 1970 UTC."""
        return self.until_ms - round(self.months * 30.4375) * DAY_MS

    @property
    def until_ms(self) -> int:
        """The world's now."""
        return epoch_ms(self.until)

    def at(self, share: float | datetime | str) -> int:
        """The moment at a share of the span, at 06:00 UTC-6 of its day; or a moment itself."""
        if isinstance(share, str):
            share = datetime.fromisoformat(share)
        if isinstance(share, datetime):
            return epoch_ms(share if share.tzinfo else share.replace(tzinfo=UTC))
        moment = self.start_ms + int((self.until_ms - self.start_ms) * share)
        return moment // DAY_MS * DAY_MS + DAY_MS // 2
