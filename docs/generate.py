"""Writes what the code knows best itself: commands, settings and their schema, questions.

    python docs/generate.py     after a change of a command, a setting or a question

A test holds the files equal to the code.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_DOCS = Path(__file__).parent
_HEAD = "<!-- Written by docs/generate.py; change the code instead. -->\n"
_WORDS = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}

_METAVARS = {"datetime": "DAY", "Path": "PATH", "int": "NUMBER"}


def outputs() -> dict[Path, str]:
    """Every generated file and what belongs in it."""
    return {
        _DOCS / "cli.md": "\n".join(_cli()) + "\n",
        _DOCS / "settings.md": "\n".join(_settings()) + "\n",
        _DOCS / "settings.schema.json": _schema(),
        _DOCS / "questions.md": "\n".join(_questions()) + "\n",
        _DOCS / "schema.md": "\n".join(_dictionary()) + "\n",
        _DOCS.parent / "examples/dbt/models/sources.yml": "\n".join(_dbt_sources()) + "\n",
    }


# The command line


def _cli() -> Iterator[str]:
    from typer.main import get_command

    from bouncelens.show.cli.app import app

    root: Any = get_command(app)
    yield f"{_HEAD}\n# Commands\n\n{root.help}\n"
    yield (
        "Data goes to stdout, progress and logs to stderr. `--json` prints the object behind a "
        "table. `NO_COLOR` is obeyed.\n"
    )
    yield "| exit code | means |\n|---|---|"
    yield "| 0 | ok |\n| 1 | findings |\n| 2 | usage, settings or input |"
    yield "| 3 | partial: something is lacking, and said |\n| 4 | sign-in refused |"
    yield "| 5 | Marketing Cloud, the lake or the ledger cannot be reached or read |"
    yield "| 130 | stopped by Ctrl-C |"
    yield "| 143 | stopped by SIGTERM, as schedulers do; it tidies up first |"
    yield "| 129 | stopped by a terminal that closed |\n"
    for name, command in root.commands.items():
        yield from _command(f"bouncelens {name}", command)


def _command(path: str, command: Any) -> Iterator[str]:
    parts = getattr(command, "commands", None)
    if parts:
        for name, part in parts.items():
            yield from _command(f"{path} {name}", part)
        return
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    yield f"## {path}\n"
    yield inspect.cleandoc(command.help or "") + "\n"
    usage = " ".join([path, *(_usage(argument) for argument in arguments)])
    yield f"```\n{usage}{' [OPTIONS]' if options else ''}\n```\n"
    if arguments or options:
        yield "| argument or option | meaning | default |\n|---|---|---|"
    for parameter in (*arguments, *options):
        yield _row(parameter)
    yield ""


def _usage(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = f"`{parameter.metavar or parameter.name.upper()}`"
    else:
        spelt = ", ".join(f"`{opt}`" for opt in (*parameter.opts, *parameter.secondary_opts))
        value = parameter.metavar or _kind(parameter)
        name = spelt if getattr(parameter, "is_flag", False) else f"{spelt} `{value}`"
    default = parameter.default
    is_said = default not in (None, False, True, ()) and not callable(default)
    help_ = (parameter.help or "").replace("|", "\\|")
    return f"| {name.replace('|', chr(92) + '|')} | {help_} | {f'`{default}`' if is_said else ''} |"


def _kind(parameter: Any) -> str:
    shown = str(parameter.type_descriptor.annotation)
    return next((word for kind, word in _METAVARS.items() if kind in shown), "TEXT")


# Settings


def _settings() -> Iterator[str]:
    from bouncelens.settings import Settings

    yield f"{_HEAD}\n# Settings\n"
    yield (
        "One file, `bouncelens.toml`: in the working folder, else in your configuration folder, "
        "or where `--config` or `BOUNCELENS_CONFIG` says. `bouncelens init` writes a commented "
        "one. Unknown keys are refused with the nearest known one.\n"
    )
    yield (
        "The environment goes over the file: `BOUNCELENS_` and the key in capitals, two "
        "underscores for each dot, as in `BOUNCELENS_SOAP__BATCH_SIZE=500`. Lists are JSON: "
        '`BOUNCELENS_ACCOUNTS=[{"mid": 1234567, "name": "Shop"}]`.\n'
    )
    yield (
        "Relative paths start at the folder of the file that holds them; from the environment, at "
        "the working folder.\n"
    )
    yield (
        "Secrets are never written here, only where they are: `env:NAME` (an environment "
        "variable), `file:PATH` (a file with nothing else in it) or `keyring:SERVICE/NAME` (the "
        "system's keyring). A secret in the file itself, or a password in a URL, is refused.\n"
    )
    yield "The JSON Schema is in [settings.schema.json](settings.schema.json).\n"
    yield "| key | type | default | meaning |\n|---|---|---|---|"
    for key, kind, default, meaning in fields(Settings):
        yield f"| `{key}` | {kind} | {f'`{default}`' if default else ''} | {meaning} |"


def fields(model: Any, before: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Every setting: its key with dots, its type, its default as TOML writes it, its meaning."""
    for name, field in model.model_fields.items():
        key, is_list = before + name, "tuple" in str(field.annotation)
        parts = (field.annotation, *getattr(field.annotation, "__args__", ()))
        part = next((kind for kind in parts if hasattr(kind, "model_fields")), None)
        if part is not None:
            yield from fields(part, f"{key}[]." if is_list else f"{key}.")
            continue
        is_table = isinstance(field.default, dict)
        other = "table of texts" if is_table else "list of texts"
        words = _WORDS.get(getattr(field.annotation, "__name__", ""), other)
        default = None if field.is_required() else field.default
        shown = json.dumps(list(default) if isinstance(default, tuple) else default)
        yield key, words, "" if default is None else shown, field.description or ""


def _schema() -> str:
    from bouncelens.settings import Settings

    schema = Settings.model_json_schema()
    schema["title"] = "bouncelens.toml"
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


# Questions


def _questions() -> Iterator[str]:
    from bouncelens.service.report import of_what
    from bouncelens.store.questions import questions

    yield f"{_HEAD}\n# Questions\n"
    yield (
        "`bouncelens report NAME` answers one; the pages and the API ask the same. Each is one "
        "`.sql` file in `src/bouncelens/store/queries/`. Windows are half-open and in UTC. A cell "
        "that is not known is empty, never 0.\n"
    )
    everything = list(questions().values())
    people = [question for question in everything if question.audience == "people"]
    yield f"{', '.join(f'[`{q.name}`](#{q.name})' for q in people)} are for people.\n"
    rest = [question for question in everything if question not in people]
    yield (
        "What follows them is asked by our own commands, and can be asked by you: "
        f"{', '.join(f'[`{q.name}`](#{q.name})' for q in rest)}.\n"
    )
    for question in (*people, *rest):
        yield f"## `{question.name}`\n\n{question.title}. {question.asks}\n"
        yield f"{of_what(question.denominator)}\n"
        for note in question.notes:
            yield f"{note[0].upper()}{note[1:].rstrip('.')}.\n"
        narrowed = ", ".join(f"`{parameter.name}`" for parameter in question.parameters)
        yield f"Narrowed by {narrowed}.\n"
        yield "| column | unit | meaning |\n|---|---|---|"
        for column in question.columns:
            yield f"| `{column.name}` | {column.unit or ''} | {column.doc} |"
        yield ""


# The data dictionary


def _dictionary() -> Iterator[str]:
    from bouncelens.store.dictionary import dictionary

    yield f"{_HEAD}\n# Tables and views\n"
    yield (
        "What `bouncelens sql` can ask for; `bouncelens schema` says the same. Tables are in the "
        "lake as they are here: see [the lake](lake.md). Views are made from them by "
        "`src/bouncelens/store/queries/views.sql`. Columns marked with @ may hold addresses and "
        "are empty without `--addresses`; a SubscriberKey that is an address is written as "
        "`hidden-…`, the same key always the same.\n"
    )
    for table in dictionary():
        yield f"## `{table.name}`\n\n{table.doc}\n"
        if table.key:
            yield f"One row per {', '.join(f'`{name}`' for name in table.key)}.\n"
        yield "| column | type | meaning |\n|---|---|---|"
        for column in table.columns:
            mark = " @" if column.may_hold_addresses else ""
            yield f"| `{column.name}`{mark} | {column.type} | {column.doc} |"
        yield ""


# The dbt example

_DBT_HEAD = """\
# Written by docs/generate.py from the tables in the code.
version: 2

sources:
  - name: bouncelens
    description: Every bounce out of Marketing Cloud, what each means, and how much was sent.
    # On Databricks or Spark: the schema in which the lake's folders are registered.
    schema: "{{ var('bouncelens_schema', 'bouncelens') }}"
    # With dbt-duckdb its delta plugin reads the folder or URL itself.
    config:
      meta:
        plugin: delta
    tables:"""


_DBT_LAKE = "{{ var('bouncelens_lake', 'lake') }}"


def _dbt_sources() -> Iterator[str]:
    from bouncelens.store.tables import EVENT_MONTH, TABLES

    yield _DBT_HEAD
    for table in TABLES.values():
        yield f"      - name: {table.name}"
        yield f"        description: {json.dumps(table.title, ensure_ascii=False)}"
        yield "        config:"
        yield "          meta:"
        yield f'            delta_table_path: "{_DBT_LAKE}/{table.name}"'
        yield "        columns:"
        for name, _, doc in (*table.fields, *((EVENT_MONTH,) if table.partition_by else ())):
            yield f"          - name: {name}"
            yield f"            description: {json.dumps(doc, ensure_ascii=False)}"


if __name__ == "__main__":
    for path, text in outputs().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(_DOCS.parent))  # noqa: T201
