"""The port: what the service asks of every route out of Marketing Cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator

    from bouncelens.bounce import Account, Only, Page, Window


class Connector(Protocol):
    """A route that can be asked for the bounces of one account in a span of event time."""

    @property
    def name(self) -> str:
        """The route's name, as it is written into events and bookmarks."""
        ...

    def fetch(
        self, account: Account, window: Window, only: Only | None = None
    ) -> Generator[Page, None, None]:
        """Pages of events, of one campaign or domain if `only` says so. A page with `through`
        promises: every event of the window before that moment, as the source knows it now, has
        been yielded. The last page has `through` = `window.end`, also when there was no event.

        Raises SignInRefused or SourceError; what was yielded before stays valid.
        """
        ...
