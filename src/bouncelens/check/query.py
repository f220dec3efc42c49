"""SQL for Marketing Cloud's query activity, looked at before it is pasted there.

The server wraps a query in `SELECT … FROM (yours) AS querydef`: most of its restrictions follow
from that, and it says so only when the query runs. The columns are data: data_views.toml.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

_LONGEST = 200_000  # characters


@dataclass(frozen=True, slots=True)
class Finding:
    """Something Marketing Cloud would refuse, or that would not do what was meant."""

    line: int | None  # 1-based
    kind: str  # column, syntax, forbidden, star, name, length
    message: str  # one sentence, with what to write instead
    is_error: bool = True  # otherwise advice


@dataclass(frozen=True, slots=True)
class View:
    """A system data view."""

    name: str
    columns: Mapping[str, str]  # lower case → as Marketing Cloud writes it
    long: frozenset[str]
    wrong: Mapping[str, str]  # lower case → the right name
    absent: Mapping[str, str]  # lower case → where to find it instead


@cache
def views() -> Mapping[str, View]:
    """Every data view we know, by its name in lower case."""
    table = tomllib.loads(files(__package__).joinpath("data_views.toml").read_text("utf-8"))
    return {name.lower(): _view(name, entry) for name, entry in table["view"].items()}


def _view(name: str, entry: Mapping[str, Any]) -> View:
    def lower(part: Mapping[str, str]) -> dict[str, str]:
        return {key.lower(): value for key, value in part.items()}

    return View(
        name=name,
        columns={column.lower(): column for column in entry["columns"]},
        long=frozenset(column.lower() for column in entry.get("long", ())),
        wrong=lower(entry.get("wrong", {})),
        absent=lower(entry.get("absent", {})),
    )


def lint(text: str) -> tuple[Finding, ...]:
    """What is wrong with a query, in the order of its lines. Runs nothing."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    if len(text) > _LONGEST:
        return (Finding(None, "syntax", f"The query is longer than {_LONGEST:,} characters."),)
    try:
        statements = [s for s in sqlglot.parse(text, dialect="tsql") if s is not None]
    except SqlglotError as error:
        return (_syntax(error),)
    except RecursionError:
        return (Finding(None, "syntax", "The query is nested too deeply to be read."),)
    if not statements:
        return (Finding(None, "syntax", "There is no query."),)
    found = [finding for statement in statements for finding in _of(statement)]
    if len(statements) > 1:
        found.append(
            Finding(None, "forbidden", "Only one SELECT is allowed: remove what follows the first.")
        )
    unique = dict.fromkeys(found)
    return tuple(sorted(unique, key=lambda f: (f.line is None, f.line or 0)))


def _syntax(error: Exception) -> Finding:
    details = getattr(error, "errors", None) or [{}]
    line = details[0].get("line")
    near = " ".join(str(details[0].get("highlight") or "").split())[:40]
    words = f"The SQL cannot be read near {near!r}." if near else "The SQL cannot be read."
    return Finding(line, "syntax", f"{words} Check brackets, commas and quotes there.")


def _of(statement: exp.Expr) -> Iterator[Finding]:
    from sqlglot import exp

    if not isinstance(statement, exp.Query):
        yield Finding(
            None, "forbidden", f"{_verb(statement)} is not allowed: a query activity is one SELECT."
        )
        return
    yield from _forbidden(statement)
    yield from _outputs(statement)
    yield from _columns(statement)


def _verb(statement: exp.Expr) -> str:
    from sqlglot import exp

    if isinstance(statement, exp.Command):
        return str(statement.this).upper()
    return statement.key.upper()


def _forbidden(statement: exp.Query) -> Iterator[Finding]:
    from sqlglot import exp

    if statement.args.get("with_") or statement.args.get("with"):
        yield Finding(
            _line(statement.find(exp.CTE)),
            "forbidden",
            "WITH … AS is not allowed, since the server puts the query into brackets: "
            "write the part as a subquery.",
        )
    if statement.find(exp.Into):
        yield Finding(None, "forbidden", "SELECT INTO is not allowed: choose a target instead.")
    for parameter in statement.find_all(exp.Parameter):
        yield Finding(
            _line(parameter),
            "forbidden",
            f"{parameter.sql()}: there are no variables; write the value.",
        )
    for select in statement.find_all(exp.Select):
        is_top = select.args.get("limit") or select.args.get("offset")
        if select.args.get("order") and not is_top and not _is_window(select):
            yield Finding(
                _line(select.args["order"]),
                "forbidden",
                "ORDER BY is allowed only together with TOP: remove it, a data extension has no "
                "order anyway.",
            )
    for table in statement.find_all(exp.Table):
        if table.name.startswith("#"):
            yield Finding(
                _line(table), "forbidden", f"{table.name}: there are no temporary tables."
            )
        elif table.db and not (table.db.lower() == "ent" and not table.catalog):
            yield Finding(
                _line(table),
                "forbidden",
                f"{table.db}.{table.name}: only Ent. may stand before a table's name.",
            )


def _is_window(select: exp.Select) -> bool:
    from sqlglot import exp

    return isinstance(select.parent, exp.Window)


def _outputs(statement: exp.Query) -> Iterator[Finding]:
    """Every output needs a name of its own: the target's columns are filled by name."""
    from sqlglot import exp

    select = statement if isinstance(statement, exp.Select) else statement.find(exp.Select)
    if select is None:
        return
    names: dict[str, int] = {}
    for output in select.expressions:
        if isinstance(output, exp.Star) or (
            isinstance(output, exp.Column) and isinstance(output.this, exp.Star)
        ):
            yield Finding(
                _line(output),
                "star",
                "SELECT * is fixed when the query is saved and breaks when a view gains a "
                "column: name the columns.",
                is_error=False,
            )
            continue
        name = output.alias_or_name if isinstance(output, exp.Alias | exp.Column) else ""
        if not name:
            yield Finding(
                _line(output), "name", f"{output.sql('tsql')[:60]} has no name: add AS and one."
            )
        elif names.setdefault(name.lower(), id(output)) != id(output):
            yield Finding(_line(output), "name", f"Two columns are called {name}: rename one.")
        yield from _too_long(output, select)


def _too_long(output: exp.Expression, select: exp.Select) -> Iterator[Finding]:
    from sqlglot import exp

    bare = output.this if isinstance(output, exp.Alias) else output
    if not isinstance(bare, exp.Column):
        return
    for table in select.find_all(exp.Table):
        view = views().get(table.name.lower())
        if view and bare.name.lower() in view.long and bare.table in ("", table.alias_or_name):
            yield Finding(
                _line(bare),
                "length",
                f"{view.columns[bare.name.lower()]} can be longer than a data extension's text: "
                f"write LEFT({bare.sql('tsql')}, 4000) AS {bare.name}.",
                is_error=False,
            )


def _columns(statement: exp.Query) -> Iterator[Finding]:
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.scope import traverse_scope

    try:
        scopes = traverse_scope(statement)
    except SqlglotError:
        return  # a shape whose scopes cannot be told apart: the server has the last word
    for scope in scopes:
        yield from _scope_columns(scope)


def _scope_columns(scope: Scope) -> Iterator[Finding]:
    from sqlglot import exp

    named: dict[str, View] = {}
    is_all_known = True
    for alias, source in scope.sources.items():
        view = views().get(source.name.lower()) if isinstance(source, exp.Table) else None
        if view is None:
            is_all_known = False
        else:
            named[alias.lower()] = view
    outputs = {output.alias.lower() for output in _selects(scope.expression) if output.alias}
    for column in scope.columns:
        name = column.name.lower()
        if column.table:
            if (view := named.get(column.table.lower())) and name not in view.columns:
                yield _unknown(column, view)
            continue
        is_there = name in outputs or any(name in view.columns for view in named.values())
        if named and is_all_known and not is_there:
            yield _unknown(column, _best(list(named.values()), name))


def _selects(expression: Any) -> Sequence[Any]:
    return getattr(expression, "selects", ())


def _best(candidates: Sequence[View], name: str) -> View:
    """The view that has a word to say about a wrong name; else the first."""
    return next((v for v in candidates if name in v.wrong or name in v.absent), candidates[0])


def _unknown(column: exp.Column, view: View) -> Finding:
    name = column.name.lower()
    if name in view.wrong:
        hint = f"it is called {view.wrong[name]}"
    elif name in view.absent:
        hint = view.absent[name]
    elif near := difflib.get_close_matches(name, view.columns, n=1, cutoff=0.6):
        hint = f"did you mean {view.columns[near[0]]}?"
    else:
        hint = f"it has {', '.join(view.columns.values())}"
    end = "" if hint.endswith("?") else "."
    return Finding(_line(column), "column", f"{view.name} has no column {column.name}: {hint}{end}")


def _line(node: exp.Expression | None) -> int | None:
    """The line of a node: its own, or that of the first name inside it."""
    from sqlglot import exp

    if node is None:
        return None
    for part in (node, *node.find_all(exp.Identifier)):
        if line := part.meta.get("line"):
            return int(line)
    return None
