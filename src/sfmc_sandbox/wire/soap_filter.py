"""SOAP filters into SQL conditions: values are parameters, properties the object's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from sfmc_sandbox.clock import to_sfmc
from sfmc_sandbox.wire.soap_request import child, children, text_of, type_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lxml import etree

    from sfmc_sandbox.wire.soap_row import Property


class FilterError(ValueError):
    """A filter that SFMC refuses; the text is what stands behind `Error: `."""


@dataclass(frozen=True, slots=True)
class Simple:
    """Property, operator, values."""

    property: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Complex:
    """Conditions joined by AND or OR."""

    operator: str
    parts: tuple[Simple | Complex, ...]


Filter = Simple | Complex
_COMPARE = {
    "equals": "=",
    "notEquals": "<>",
    "greaterThan": ">",
    "lessThan": "<",
    "greaterThanOrEqual": ">=",
    "lessThanOrEqual": "<=",
}
# Text operators: pattern around the value, negated or not.
_LIKE = {
    "like": ("", "", False),
    "beginsWith": ("", "%", False),
    "endsWith": ("%", "", False),
    "contains": ("%", "%", False),
    "notContains": ("%", "%", True),
    "existsInString": ("%", "%", False),
    "notExistsInString": ("%", "%", True),
}
# Month and day of a date against those of another.
_ANNIVERSARY = {
    "isAnniversary": "=",
    "isNotAnniversary": "<>",
    "greaterThanAnniversary": ">",
    "lessThanAnniversary": "<",
}
_CASTS = {"int": "BIGINT", "decimal": "DECIMAL(38, 8)", "bool": "BOOLEAN", "date": "TIMESTAMP"}


def read_filter(node: etree._Element | None, depth: int = 0) -> Filter | None:
    """The filter of a retrieve. Raises FilterError with SFMC's words."""
    if node is None:
        return None
    if depth > 40:
        raise FilterError("The filter is nested too deeply.")
    kind = type_of(node)
    if kind == "SimpleFilterPart":
        return _simple(node)
    if kind != "ComplexFilterPart":
        raise FilterError("Unknown filter of type FilterPart encountered")
    operator = (text_of(node, "LogicalOperator") or "").strip().upper()
    operands = [child(node, "LeftOperand"), child(node, "RightOperand")]
    more = child(node, "AdditionalOperands")
    operands += children(more) if more is not None else []
    if operator not in {"AND", "OR"} or operands[0] is None or operands[1] is None:
        raise FilterError(f"Incorrect syntax near the keyword '{operator or 'AND'}'")
    parts = (read_filter(operand, depth + 1) for operand in operands)
    return Complex(operator, tuple(part for part in parts if part is not None))


def _simple(node: etree._Element) -> Simple:
    name = (text_of(node, "Property") or "").strip()
    operator = (text_of(node, "SimpleOperator") or "").strip()
    values = tuple(
        (value.text or "") for kind in ("Value", "DateValue") for value in children(node, kind)
    )
    return Simple(name, operator, values)


def properties_of(condition: Filter | None) -> Iterator[str]:
    """All properties a filter names."""
    if isinstance(condition, Simple):
        yield condition.property
    elif condition is not None:
        for part in condition.parts:
            yield from properties_of(part)


def operators_of(condition: Filter | None) -> Iterator[str]:
    """All operators a filter uses."""
    if isinstance(condition, Simple):
        yield condition.operator
    elif condition is not None:
        for part in condition.parts:
            yield from operators_of(part)


def to_sql(condition: Filter, known: Mapping[str, Property], parameters: list[object]) -> str:
    """The condition in SQL; its values are appended to `parameters`. Raises FilterError."""
    if isinstance(condition, Complex):
        parts = [to_sql(part, known, parameters) for part in condition.parts]
        return "(" + f" {condition.operator} ".join(parts) + ")"
    # Columns are the database's, which does not tell upper from lower case.
    name = condition.property.lower()
    found = next((prop for real, prop in known.items() if real.lower() == name), None)
    if found is None or not found.is_filterable:
        raise FilterError(f"Invalid column name '{condition.property}'.")
    return _simple_sql(condition, found, parameters)


def _simple_sql(condition: Simple, found: Property, parameters: list[object]) -> str:
    operator, values = condition.operator, condition.values
    if operator in {"isNull", "isNotNull"}:
        return f"({found.sql} IS {'NOT ' if operator == 'isNotNull' else ''}NULL)"
    if not values or (len(values) == 1 and not values[0].strip()):
        raise FilterError(
            f"Invalid argument for the {operator} operator. Filter array cannot be null."
        )
    if operator in _LIKE:
        before, after, negated = _LIKE[operator]
        value = values[0] if operator == "like" else _literal(values[0])
        if operator == "like" and "%" not in value:
            before = after = "%"  # public clients look for "@" so, and find every address
        parameters.append(f"{before}{value}{after}")
        condition_sql = f"(CAST({found.sql} AS VARCHAR) ILIKE ? ESCAPE '!')"
        return f"(NOT {condition_sql})" if negated else condition_sql
    if operator == "existsInStringAsAWord":
        parameters.append(rf"(^|\W){re.escape(values[0].lower())}($|\W)")
        return f"regexp_matches(lower(CAST({found.sql} AS VARCHAR)), ?)"
    typed = [_typed(value, found) for value in values]
    if operator in _ANNIVERSARY and found.kind == "date":
        parameters.append(typed[0])
        day = "strftime({}, '%m-%d')".format
        sides = day(found.sql), day("CAST(? AS TIMESTAMP)")
        return f"({sides[0]} {_ANNIVERSARY[operator]} {sides[1]})"
    slot = _slot(found)
    if operator == "IN" or (operator in {"equals", "notEquals"} and len(typed) > 1):
        parameters.extend(typed)
        word = "NOT IN" if operator == "notEquals" else "IN"
        return f"({_left(found)} {word} ({', '.join([slot] * len(typed))}))"
    if operator == "between":
        if len(typed) != 2:
            raise FilterError("Invalid argument for the between operator.")
        parameters.extend(typed)
        return f"({_left(found)} BETWEEN {slot} AND {slot})"
    if operator not in _COMPARE:
        raise FilterError(f"The operator {operator} is not supported.")
    parameters.append(typed[0])
    return f"({_left(found)} {_COMPARE[operator]} {slot})"


def _left(found: Property) -> str:
    # SQL Server's default collation does not tell upper from lower case.
    return f"lower({found.sql})" if found.kind == "string" else found.sql


def _slot(found: Property) -> str:
    if found.kind == "string":
        return "lower(CAST(? AS VARCHAR))"
    return f"CAST(? AS {_CASTS[found.kind]})"


def _literal(value: str) -> str:
    return value.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _typed(value: str, found: Property) -> object:
    text = value.strip()
    try:
        if found.kind == "int":
            return int(text)
        if found.kind == "decimal":
            return str(_finite(Decimal(text)))
        if found.kind == "bool":
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        if found.kind == "date":
            return read_date(text)
    except (ValueError, KeyError, OverflowError, InvalidOperation) as error:
        raise FilterError(
            f"Conversion failed when converting '{text}' for the property {found.name}."
        ) from error
    return value


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite() or abs(number) >= 10**29:
        raise ValueError(number)
    return number


def read_date(text: str) -> datetime:
    """A date of a filter. Without an offset it is the server's clock; with one it is converted."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is None else to_sfmc(moment)
