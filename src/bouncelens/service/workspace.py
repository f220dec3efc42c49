"""One person's place of work: settings, and the lake, ledger and rules they name, opened when used.

Every verb takes a workspace. It holds files and memory until it is closed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from bouncelens.errors import LakeAbsent
from bouncelens.settings import Settings, resolve_secret
from bouncelens.store.closing import Closing

if TYPE_CHECKING:
    from bouncelens.service.judge import Judge
    from bouncelens.settings.engine import EngineSettings
    from bouncelens.store.engine import Engine
    from bouncelens.store.lake import Lake
    from bouncelens.store.ledger import Ledger


class Workspace(Closing):
    """Settings and what they name. Not to be shared between threads."""

    def __init__(self, settings: Settings, *, create: bool = True) -> None:
        self.settings = settings
        self._create = create
        self._lake: Lake | None = None
        self._engine: Engine | None = None
        self._ledger: Ledger | None = None
        self._classifier: Judge | None = None

    @classmethod
    def open(cls, settings: Settings, *, create: bool = True) -> Self:
        """A workspace; nothing is opened yet. `create`: make lake and ledger where absent. Who only
        reads or decides does not: in the wrong folder all would seem well, and a lake be left."""
        return cls(settings, create=create)

    @property
    def lake(self) -> Lake:
        """The lake. Raises StoreError."""
        if self._lake is None:
            from bouncelens.store.lake import Lake

            self._lake = Lake.open(resolve_secret(self.settings.lake), create=self._create)
        return self._lake

    @property
    def engine(self) -> Engine:
        """The engine over the lake. Raises StoreError."""
        if self._engine is None:
            self._engine = _engine(self.settings.engine, self.lake)
        return self._engine

    @property
    def ledger(self) -> Ledger:
        """The ledger; made beside a lake that is there. Raises StoreError."""
        if self._ledger is None:
            from bouncelens.store.ledger import Ledger
            from bouncelens.store.ledger.database import is_there

            url = resolve_secret(self.settings.ledger)
            if not self._create and not is_there(url):
                _ = self.lake  # raises LakeAbsent where nothing was ever pulled
            self._ledger = Ledger.open(url)
        return self._ledger

    @property
    def classifier(self) -> Judge:
        """The judge by the settings' rules and ours. Raises RuleInvalid."""
        if self._classifier is None:
            from bouncelens.service.judge import Judge

            self._classifier = Judge.of_rules([Path(rule) for rule in self.settings.rules])
        return self._classifier

    def close(self) -> None:
        """Let go of everything that is open."""
        for part in (self._engine, self._lake, self._ledger):
            close = getattr(part, "close", None)
            if close is not None:
                close()
        self._engine = self._lake = self._ledger = None


def _engine(wanted: EngineSettings, lake: Lake) -> Engine:
    if wanted.name == "spark":
        from bouncelens.store.spark import SparkEngine

        return SparkEngine(lake, master=wanted.spark_master, conf=wanted.resolved_conf())
    from bouncelens.store.duck import DuckEngine

    return DuckEngine(lake)


def refuse_damage(settings: Settings) -> None:
    """Look whether lake and ledger can be read, before somebody waits in front of a page. No lake
    is no damage: it comes with the first pull. Raises StoreError, SettingsInvalid."""
    with Workspace.open(settings, create=False) as workspace:
        try:
            workspace.lake.versions()
        except LakeAbsent:
            return
        workspace.ledger.runs(limit=1)
