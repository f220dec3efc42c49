"""What a page with filters offers to choose from: windows, business units, providers, reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bouncelens.service import report
from bouncelens.service.vocabulary import provider_names, reasons

if TYPE_CHECKING:
    from bouncelens.settings import Settings
    from bouncelens.show.web.filters import Filters

_PRESETS_DAYS = (7, 30, 90, 365)


@dataclass(frozen=True, slots=True)
class Preset:
    """A link to a usual window."""

    title: str
    link: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Controls:
    """The choices of the form that narrows a page, and the links beside it."""

    presets: tuple[Preset, ...]
    accounts: tuple[tuple[int, str], ...]
    providers: tuple[tuple[str, str], ...]
    reasons: tuple[Any, ...]
    dimensions: tuple[tuple[str, str], ...]  # name and meaning


def controls(settings: Settings, filters: Filters) -> Controls:
    """The choices for one set of filters."""
    return Controls(
        presets=_presets(filters),
        accounts=tuple(
            (account.mid, account.name or str(account.mid)) for account in settings.accounts
        ),
        providers=tuple(sorted(provider_names().items(), key=_by_name)),
        reasons=tuple(reasons().values()),
        dimensions=report.dimensions(),
    )


def _presets(filters: Filters) -> tuple[Preset, ...]:
    today = datetime.now(UTC).date()

    def preset(title: str, since: date | None) -> Preset:
        is_current = filters.since == since and filters.until is None
        return Preset(title, filters.link(since=since, until=None), is_current)

    return (
        preset("All time", None),
        *(
            preset(f"Last {days} days", today - timedelta(days=days - 1))
            for days in reversed(_PRESETS_DAYS)
        ),
    )


def _by_name(provider: tuple[str, str]) -> tuple[bool, str]:
    slug, name = provider
    return slug == "other", name.lower()
