"""A lake for one file and one report: nothing of it stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bouncelens.service.import_file import ImportResult, import_file
from bouncelens.service.workspace import Workspace
from bouncelens.store.scratch import temporary_folder

if TYPE_CHECKING:
    from bouncelens.settings import Settings


@contextmanager
def over_file(
    settings: Settings, path: Path, *, account: int | None = None, job: int | None = None
) -> Iterator[tuple[Workspace, ImportResult]]:
    """A workspace that holds a file's bounces, judged by the settings' rules.

    `account` and `job` are those of a file that names none. Raises InputInvalid for a file
    that cannot be read.
    """
    with temporary_folder() as folder:
        place = {
            "lake": str(folder / "lake"),
            "ledger": f"sqlite:///{folder / 'ledger.db'}",
        }
        with Workspace.open(settings.model_copy(update=place)) as workspace:
            yield workspace, import_file(workspace, path, account=account, job=job)
