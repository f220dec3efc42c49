"""`$filter`, `$orderBy` and `$fields` of a rowset: a small grammar, every value a parameter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sfmc_sandbox.wire.rest_answer import RestError

if TYPE_CHECKING:
    from sfmc_sandbox.extensions import DataExtension, Field

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<mark>[()])|(?P<word>[^\s()']+))", re.DOTALL
)
_OPERATORS = {
    "eq": "=", "ne": "<>", "neq": "<>", "gt": ">", "gte": ">=", "ge": ">=", "lt": "<",
    "lte": "<=", "le": "<=", "like": "ILIKE",
}  # fmt: skip
_CASTS = {
    "Number": "BIGINT",
    "Decimal": "DECIMAL(18, 4)",
    "Date": "TIMESTAMP",
    "Boolean": "BOOLEAN",
}


def where(text: str, extension: DataExtension, parameters: list[object]) -> str:
    """A `$filter` in SQL. Raises RestError 10003."""
    tokens = [match for match in _TOKEN.finditer(text) if match.group().strip()]
    reader = _Reader([m.group().strip() for m in tokens], extension, parameters)
    condition = reader.either()
    if reader.place != len(reader.tokens):
        raise _bad(text)
    return condition


def _bad(text: str) -> RestError:
    return RestError(400, 10003, f"The filter could not be read: {text[:200]}")


class _Reader:
    """Recursive descent over or / and / comparison."""

    def __init__(
        self, tokens: list[str], extension: DataExtension, parameters: list[object]
    ) -> None:
        self.tokens, self.extension, self.parameters = tokens, extension, parameters
        self.place = 0
        self.depth = 0

    def take(self) -> str:
        if self.place >= len(self.tokens):
            raise _bad(" ".join(self.tokens))
        self.place += 1
        return self.tokens[self.place - 1]

    def next_is(self, word: str) -> bool:
        return self.place < len(self.tokens) and self.tokens[self.place].lower() == word

    def either(self) -> str:
        parts = [self.both()]
        while self.next_is("or"):
            self.place += 1
            parts.append(self.both())
        return f"({' OR '.join(parts)})"

    def both(self) -> str:
        parts = [self.one()]
        while self.next_is("and"):
            self.place += 1
            parts.append(self.one())
        return f"({' AND '.join(parts)})"

    def one(self) -> str:
        if self.next_is("("):
            self.depth += 1
            if self.depth > 40:
                raise _bad("nested too deeply")
            self.place += 1
            inner = self.either()
            if self.take() != ")":
                raise _bad(" ".join(self.tokens))
            return inner
        column = known_field(self.extension, self.take())
        operator = _OPERATORS.get(self.take().lower())
        if operator is None:
            raise _bad(" ".join(self.tokens))
        raw = self.take()
        value = raw[1:-1].replace("''", "'") if raw.startswith("'") else raw
        self.parameters.append(value)
        if column.type in _CASTS and operator != "ILIKE":
            return f"({column.quoted} {operator} CAST(? AS {_CASTS[column.type]}))"
        if operator == "ILIKE":
            return f"(CAST({column.quoted} AS VARCHAR) ILIKE ?)"
        return f"(lower({column.quoted}) {operator} lower(?))"


def known_field(extension: DataExtension, name: str) -> Field:
    """The field of a name. Raises RestError 10005."""
    found = extension.field(name.strip("'\"[] "))
    if found is None:
        raise RestError(400, 10005, f"The field {name[:100]} is not valid for {extension.key}.")
    return found


def order(text: str, extension: DataExtension) -> str:
    """An `$orderBy` in SQL; the row's place decides among equals."""
    terms = []
    for term in text.split(","):
        name, _, direction = term.strip().partition(" ")
        down = direction.strip().lower() == "desc"
        terms.append(f"{known_field(extension, name).quoted} {'DESC' if down else 'ASC'}")
    return ", ".join([*terms, "rowid"])
