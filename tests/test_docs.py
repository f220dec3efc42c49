"""The documents tell the truth: commands exist as shown, links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command

from bouncelens.show.cli.app import app

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], key=lambda path: path.as_posix()
)
GENERATED = {
    "cli.md",
    "settings.md",
    "questions.md",
    "schema.md",
}  # generate.py's own test holds them


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def shown(text: str) -> Iterator[str]:
    """The commands in ```sh blocks."""
    for block in re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL):
        yield from filter(None, (line.partition("  #")[0].strip() for line in block.splitlines()))


def named(text: str) -> Iterator[str]:
    """The commands that sentences speak of, perhaps without their arguments."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    yield from re.findall(r"`((?:bouncelens|make) [^`]+)`", prose)


def lines(find: Callable[[str], Iterator[str]]) -> list[Any]:
    return [
        pytest.param(line, id=f"{name_of(path)}: {line}")
        for path in DOCUMENTS
        if path.name not in GENERATED
        for line in dict.fromkeys(find(path.read_text("utf-8")))
    ]


@pytest.mark.parametrize("line", lines(shown))
def test_every_command_shown_would_run_as_shown(line: str) -> None:
    words = shlex.split(line)
    if words[0] == "make":
        assert words[1] in targets()
    elif words[0] == "bouncelens":
        command, path, rest = found(words)
        command.make_context(path, rest)  # the command itself reads its arguments


@pytest.mark.parametrize("line", lines(named))
def test_every_command_spoken_of_exists_with_its_options(line: str) -> None:
    words = shlex.split(line)
    if words[0] == "make":
        assert words[1] in targets()
        return
    command, _, rest = found(words)
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word.partition("=")[0] for word in rest if word.startswith("-")} <= known


def targets() -> list[str]:
    """What make can make."""
    return re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def found(words: list[str]) -> tuple[Any, str, list[str]]:
    """The command that words name, its whole name, and the words that are its arguments."""
    command: Any = get_command(app)
    path, rest = words[0], words[1:]
    while parts := getattr(command, "commands", None):
        if not rest or rest[0].startswith("-"):
            break
        assert rest[0] in parts, f"{path} has no command {rest[0]}"
        command, path, rest = parts[rest[0]], f"{path} {rest[0]}", rest[1:]
    return command, path, rest


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_link_inside_the_project_leads_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            assert target.startswith("https://"), target
            continue
        place, _, anchor = target.partition("#")
        found = (path.parent / place).resolve() if place else path
        assert found.exists(), f"{name_of(path)} links to {target}"
        if anchor:
            assert anchor in anchors(found), f"{name_of(path)} links to {target}"


def anchors(path: Path) -> set[str]:
    """The headings of a document as they are linked to."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop()
        if path in reached or path.suffix != ".md" or not path.exists():
            continue
        reached.add(path)
        links = re.findall(r"\]\(([^)\s#:]+)", path.read_text("utf-8"))
        waiting += [(path.parent / link).resolve() for link in links]
    assert {name_of(path) for path in DOCUMENTS} - {name_of(path) for path in reached} == set()


def test_the_pages_on_reasons_are_what_the_rules_say() -> None:
    written = {path.name: path.read_text("utf-8") for path in (ROOT / "docs/reasons").glob("*.md")}
    assert written == script("reasons").pages(), "run: python docs/reasons.py"


def script(name: str) -> ModuleType:
    """A script in docs/ as a module."""
    place = ROOT / "docs" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"docs_{name}", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
