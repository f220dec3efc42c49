"""`automation`: a daily automation in the tenant, planned, shown, then made or removed; or the same
as files for people who have the web console only."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bouncelens.bounce import Account
from bouncelens.errors import InputInvalid
from bouncelens.extract.automation import DailyAutomation, Part, Table, tables
from bouncelens.service.tenant import chosen, line_to

if TYPE_CHECKING:
    from bouncelens.settings import Settings

_NAMES = {
    "DataExtension": "data extension",
    "QueryDefinition": "query activity",
    "Automation": "automation",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the plan, as a sentence; `part` is what it is about."""

    account: Account
    verb: str  # make, mend or remove
    part: Part

    @property
    def sentence(self) -> str:
        """What will be done, in words."""
        what = f"{_NAMES[self.part.kind]} {self.part.key}"
        more = {
            "make": f"Make the {what}",
            "mend": f"Set right the {what}: {self.part.detail}",
            "remove": f"Remove the {what}",
        }[self.verb]
        if self.verb == "remove" and self.part.kind == "DataExtension":
            more += " with all its rows"
        if self.verb == "make" and self.part.kind == "Automation":
            more += ", run every day"
        return f"{more}, in {self.account.name} ({self.account.mid})."


@dataclass(frozen=True, slots=True)
class Standing:
    """How the automation stands in one account."""

    account: Account
    parts: tuple[Part, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every part is there as it should be."""
        return all(part.is_right for part in self.parts)


@dataclass(slots=True)
class Installer:
    """Plans and does. Valid while its block runs."""

    accounts: tuple[Account, ...]
    automation: DailyAutomation
    hour: int  # UTC

    def status(self) -> tuple[Standing, ...]:
        """How it stands in every account. Raises SignInRefused, SourceError."""
        return tuple(Standing(a, self.automation.parts(a)) for a in self.accounts)

    def deploying(self) -> tuple[Step, ...]:
        """What is to be made or mended. Raises InputInvalid for a key that is somebody else's."""
        steps = []
        for standing in self.status():
            for part in standing.parts:
                if not part.is_ours:
                    raise InputInvalid(
                        f"{standing.account.name}: a data extension {part.key} is there that is "
                        f"not ours: {part.detail}.",
                        advice="Rename it, or say another query.name in the settings.",
                    )
                if not part.is_right:
                    verb = "mend" if part.object_id else "make"
                    steps.append(Step(standing.account, verb, part))
        return tuple(steps)

    def removing(self) -> tuple[Step, ...]:
        """What is to be removed: what was deployed, what stands on others first."""
        return tuple(
            Step(standing.account, "remove", part)
            for standing in self.status()
            for part in reversed(standing.parts)
            if part.object_id is not None and part.is_ours
        )

    def do(self, step: Step) -> None:
        """Do one step. Raises SignInRefused, SourceError."""
        if step.verb == "remove":
            self.automation.remove(step.account, step.part)
        else:
            self.automation.make(step.account, step.part, hour=self.hour)


@contextmanager
def installer(
    settings: Settings, accounts: tuple[int | str, ...] = (), *, hour: int = 5
) -> Iterator[Installer]:
    """An installer for the accounts named, or all. Raises SettingsInvalid, InputInvalid."""
    wanted = chosen(settings, accounts)
    with line_to(settings) as line:
        daily = DailyAutomation(
            line.sign_in, line.wire, name=settings.query.name, patience=line.patience
        )
        yield Installer(wanted, daily, hour)


def write_files(
    folder: Path, *, mid: int | None = None, name: str = "bouncelens", is_replacing: bool = False
) -> tuple[Path, ...]:
    """SQL to paste, field lists and steps in plain words, for the web console. Raises
    InputInvalid when the folder cannot be written or has such files already."""
    written = dict(_files(mid, name))
    there = [folder / file for file in written if (folder / file).exists()]
    if there and not is_replacing:
        raise InputInvalid(f"{there[0]} is there already.", advice="Say --force to replace it.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in written.items():
            (folder / file).write_text(text, "utf-8", newline="")
    except OSError as error:
        raise InputInvalid(f"{folder} cannot be written: {error.strerror}.") from error
    return tuple(folder / file for file in written)


def _files(mid: int | None, name: str) -> Iterator[tuple[str, str]]:
    for table in tables():
        yield f"{table.name}.sql", table.text(mid) + "\n"
        yield f"{table.name}-fields.csv", _field_list(table)
    yield "steps.md", "\n".join(_steps(name)) + "\n"


def _field_list(table: Table) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("Name", "Data Type", "Length", "Primary Key", "Nullable"))
    for field, kind, length in table.fields:
        is_key = field in table.key
        row = (field, kind, length or "", "yes" if is_key else "no", "no" if is_key else "yes")
        writer.writerow(row)
    return out.getvalue()


def _steps(name: str) -> Iterator[str]:
    yield "# A daily automation by hand\n"
    yield "In each business unit, in the web console.\n"
    yield "## Data extensions\n"
    yield "1. Open Email Studio, Subscribers, Data Extensions, and choose Create, Standard."
    for number, table in enumerate(tables(), 2):
        yield (
            f"{number}. Name and external key: `{name}_daily_{table.name}`. {table.title}. "
            f"Give it the fields of `{table.name}-fields.csv`, with primary key and nullable as "
            "there. It is not sendable."
        )
    yield "\n## Query activities\n"
    for number, table in enumerate(tables(), 1):
        yield (
            f"{number}. Open Automation Studio, Activities, Create, SQL Query. Name: "
            f"`{name}_daily_{table.name}`. Paste `{table.name}.sql`. Target: the data extension "
            f"`{name}_daily_{table.name}`. Data action: **Update**. Save."
        )
    yield "\n## Automation\n"
    yield f"1. In Automation Studio, choose New Automation, name it `{name}_daily`."
    yield "2. Starting source: Schedule. Put both queries into step 1. Save."
    yield "3. Schedule it: every day, at an hour of little traffic, without end. Activate it."
    yield "4. Choose Run Once, wait, and look into both data extensions: they have rows now.\n"
    yield "## What bouncelens makes of it\n"
    yield (
        f'Write `data_extension = "{name}_daily_sends"` below `[sends]` in bouncelens.toml: then '
        "rates by receiving domain have their denominators without the query route.\n"
    )
    yield "To undo it, remove the automation, then the queries, then the data extensions."
