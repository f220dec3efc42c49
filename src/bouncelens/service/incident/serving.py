"""The watch of a server: every few minutes, in a thread of its own. Where refusals look false and
nobody knows whether the refused were alive, Marketing Cloud is asked at once."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bouncelens.errors import BouncelensError, LakeAbsent
from bouncelens.service.incident.watch import Watched, watch
from bouncelens.service.workspace import Workspace

if TYPE_CHECKING:
    from bouncelens.settings import Settings

_FAREWELL_S = 5.0
_LOG = logging.getLogger(__name__)


class Watch:
    """Looks as long as a server runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to look, unless the settings say never."""
        if self._settings.incident.watch_minutes:
            self._thread.start()

    def close(self) -> None:
        """End, after the look that is under way, if it is not long."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(_FAREWELL_S)

    def _run(self) -> None:
        while not self._ended.wait(60 * self._settings.incident.watch_minutes):
            try:
                with Workspace.open(self._settings, create=False) as workspace:
                    _tell(look(workspace))
            except LakeAbsent:  # it comes with the first pull
                continue
            except BouncelensError as error:
                _LOG.error("false bounces were not looked for", extra={"reason": str(error)})


def look(workspace: Workspace, *, now: datetime | None = None) -> Watched:
    """The watch, once more after Marketing Cloud was asked where too little was known of the
    refused. Raises StoreError; what goes wrong while it is asked is told among the sentences."""
    first = watch(workspace, now=now)
    settings = workspace.settings
    if not (first.unseen and settings.incident.ask and "query" in settings.routes):
        return first
    try:
        ask(workspace)
    except BouncelensError as error:
        _LOG.error("Marketing Cloud did not say who is alive", extra={"reason": str(error)})
        return first
    return watch(workspace, now=now)


def ask(workspace: Workspace) -> int:
    """Everybody who bounced, with signs of life, from Marketing Cloud by query, as a pull asks for
    them; how many. Raises SignInRefused, SourceError, SettingsInvalid, StoreError."""
    from bouncelens.extract.gate import gate_of
    from bouncelens.service.tenant import chosen, connected, guard_of

    settings, count = workspace.settings, 0
    with connected(settings, gate=gate_of(settings.calls), guard=guard_of(workspace)) as tenant:
        for account in chosen(settings, ()):
            try:
                people = tenant.query.subscribers(account)
            finally:
                for sentence in tenant.query.tidy(account):
                    _LOG.warning("left in Marketing Cloud", extra={"what": sentence})
            workspace.lake.put_subscribers(people, now=datetime.now(UTC))
            count += people.num_rows
    return count


def _tell(watched: Watched) -> None:
    for sentence in watched.sentences:
        _LOG.warning("incident", extra={"told": sentence})
