"""How the code is built: sizes, names, docstrings, and that the documents know everything."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src"
DOCS = ROOT / "docs"
MODULES = sorted(path for path in SRC.rglob("*.py") if "versions" not in path.parts)

MOST_LINES = 400
MOST_FUNCTION_LINES = 50
MOST_PARAMETERS = 5
MOST_DOCSTRING_LINES = 6
FORBIDDEN_NAMES = {"utils", "util", "common", "core", "helpers", "helper", "models", "misc"}

_PATCHES_US = re.compile(r"setattr\(\s*[\"']?(bouncelens|sfmc_sandbox)\b")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _named(path: Path) -> str:
    return str(path.relative_to(SRC))


def _functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@pytest.mark.parametrize("path", MODULES, ids=_named)
def test_a_module_tells_one_short_story(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring, "a module opens with its job"
    lines = [line for line in docstring.splitlines() if line]
    assert len(lines) <= MOST_DOCSTRING_LINES or path.name == "errors.py"


@pytest.mark.parametrize("path", MODULES, ids=_named)
def test_functions_are_short(path: Path) -> None:
    for function in _functions(_tree(path)):
        assert function.end_lineno is not None
        lines = function.end_lineno - function.lineno + 1
        signature = function.body[0].lineno - function.lineno
        # A command's signature is the table of its options, one to a line or more.
        limit = MOST_FUNCTION_LINES + (signature if _is_command(path) else 0)
        assert lines <= limit, f"{function.name} has {lines} lines"


@pytest.mark.parametrize("path", MODULES, ids=_named)
def test_functions_take_few_parameters(path: Path) -> None:
    if _is_command(path):
        return  # a command's parameters are its options
    for function in _functions(_tree(path)):
        arguments = function.args
        positional = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
        if positional[:1] in (["self"], ["cls"]):
            positional.pop(0)
        total = len(positional) + len(arguments.kwonlyargs)
        assert total <= MOST_PARAMETERS + (_is_pass_through(function)), function.name


def _is_command(path: Path) -> bool:
    return path.parent.name == "cli" and "bouncelens" in path.parts


def _is_pass_through(function: Function) -> int:
    # `now`, the clock that tests turn, comes on top of what a verb is told.
    return sum(argument.arg in ("now", "progress") for argument in function.args.kwonlyargs)


@pytest.mark.parametrize("path", MODULES, ids=_named)
def test_what_is_public_says_what_it_promises(path: Path) -> None:
    tree = _tree(path)
    public = [
        node
        for scope in (tree, *(n for n in tree.body if isinstance(n, ast.ClassDef)))
        for node in scope.body
        if isinstance(node, Function | ast.ClassDef)
        and not node.name.startswith("_")
        and not (isinstance(scope, ast.ClassDef) and scope.name.startswith("_"))
    ]
    lacking = [node.name for node in public if ast.get_docstring(node) is None]
    assert not [name for name in lacking if not _is_overload(tree, name)]


def _is_overload(tree: ast.Module, name: str) -> bool:
    return any(
        isinstance(node, Function)
        and node.name == name
        and any("overload" in ast.unparse(d) for d in node.decorator_list)
        for node in ast.walk(tree)
    )


def test_no_module_is_called_after_nothing_in_particular() -> None:
    names = {part.removesuffix(".py") for path in MODULES for part in path.relative_to(SRC).parts}
    assert not names & FORBIDDEN_NAMES


def test_test_files_have_names_of_their_own() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names))


def test_our_own_code_is_never_patched_in_tests() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        text = path.read_text("utf-8")
        assert "unittest" + ".mock" not in text, path
        assert not _PATCHES_US.search(text), path


def test_every_reason_has_its_page() -> None:
    rules = SRC / "bouncelens/classify/rules/reasons.toml"
    for reason in tomllib.loads(rules.read_text("utf-8"))["reason"]:
        assert (DOCS / "reasons" / f"{reason['name']}.md").exists(), reason["name"]


def test_every_field_of_a_rule_is_documented() -> None:
    from bouncelens.classify import ruleset

    documents = [ROOT / "CONTRIBUTING.md", SRC / "bouncelens/classify/rules/README.md"]
    text = "\n".join(path.read_text("utf-8") for path in documents if path.exists())
    text += "\n".join(path.read_text("utf-8") for path in DOCS.rglob("*.md"))
    lacking = [name for name in sorted(ruleset._FIELDS) if f"`{name}`" not in text]
    assert not [name for name in lacking if f"\n{name} = " not in text]


def test_every_question_is_documented() -> None:
    from bouncelens.store.questions import questions

    text = "\n".join(path.read_text("utf-8") for path in DOCS.rglob("*.md"))
    lacking = [name for name in questions() if f"`{name}`" not in text]
    assert not lacking
