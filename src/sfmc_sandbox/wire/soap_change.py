"""Create, Update, Delete: one result per object, the words of the recorded answers (2.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from sfmc_sandbox.wire.soap_answer import PARTNER, escape
from sfmc_sandbox.wire.soap_request import child, children, text_of, type_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from lxml import etree

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one object."""

    message: str
    is_ok: bool = True
    error_code: int | None = None
    new_id: int = 0
    object_id: str | None = None
    fields: tuple[tuple[str, str], ...] = ()  # elements of the object to echo
    inner: str = ""  # further ones, finished XML


@dataclass(frozen=True, slots=True)
class Change:
    """One object to change."""

    sandbox: Sandbox
    token: Token
    verb: str  # Create, Update or Delete
    node: etree._Element
    is_upsert: bool

    def text(self, name: str) -> str:
        """The text of a child element, '' when it is not there."""
        return (text_of(self.node, name) or "").strip()


class ChangeRefused(Exception):
    """One object that cannot be changed."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


def make_changer(
    verb: str, changers: dict[str, tuple[str, Callable[[Change], Outcome]]]
) -> Callable[[Sandbox, Token, etree._Element], str]:
    """The handler of a verb. `changers`: object type to scope and function."""

    def change(sandbox: Sandbox, token: Token, body: etree._Element) -> str:
        upsert = _is_upsert(child(body, "Options"))
        outcomes = []
        for node in children(body, "Objects"):
            kind = type_of(node) or ""
            outcomes.append(
                (kind, _one(Change(sandbox, token, verb, node, upsert), kind, changers))
            )
        return _answer(verb, outcomes)

    return change


def _is_upsert(options: etree._Element | None) -> bool:
    holder = child(options, "SaveOptions")
    return holder is not None and any(
        (text_of(option, "SaveAction") or "") == "UpdateAdd" for option in children(holder)
    )


def _one(
    change: Change, kind: str, changers: dict[str, tuple[str, Callable[[Change], Outcome]]]
) -> Outcome:
    if kind not in changers:
        return Outcome(f"{change.verb} is not supported for {kind or 'APIObject'}.", is_ok=False,
                       error_code=8)  # fmt: skip
    scope, changer = changers[kind]
    if scope not in change.token.scopes or change.sandbox.trouble.strikes("scope-missing"):
        return Outcome("API Permission Failed.", is_ok=False, error_code=11)
    try:
        with change.sandbox.writing:
            return changer(change)
    except ChangeRefused as problem:
        return Outcome(str(problem), is_ok=False, error_code=problem.code)


def _answer(verb: str, outcomes: list[tuple[str, Outcome]]) -> str:
    parts = []
    for place, (kind, outcome) in enumerate(outcomes):
        parts.append(
            f"<Results><StatusCode>{'OK' if outcome.is_ok else 'Error'}</StatusCode>"
            f"<StatusMessage>{escape(outcome.message)}</StatusMessage>"
            f"<OrdinalID>{place}</OrdinalID>"
            + (f"<ErrorCode>{outcome.error_code}</ErrorCode>" if outcome.error_code else "")
            + _ids(verb, outcome)
            + _object(kind, outcome)
            + "</Results>"
        )
    good = sum(outcome.is_ok for _, outcome in outcomes)
    status = "OK" if good == len(outcomes) else ("Has Errors" if good else "Error")
    return (
        f'<{verb}Response xmlns="{PARTNER}">{"".join(parts)}<RequestID>{uuid4()}</RequestID>'
        f"<OverallStatus>{status}</OverallStatus></{verb}Response>"
    )


def _ids(verb: str, outcome: Outcome) -> str:
    if verb != "Create":
        return ""
    made = f"<NewObjectID>{outcome.object_id}</NewObjectID>" if outcome.object_id else ""
    return f"<NewID>{outcome.new_id}</NewID>{made}"


def _object(kind: str, outcome: Outcome) -> str:
    if not kind:
        return ""
    object_id = (
        f"<ObjectID>{outcome.object_id}</ObjectID>"
        if outcome.object_id
        else '<ObjectID xsi:nil="true" />'
    )
    head = "".join(_element(*pair) for pair in outcome.fields if pair[0] == "ID")
    rest = "".join(_element(*pair) for pair in outcome.fields if pair[0] != "ID")
    return (
        f'<Object xsi:type="{escape(kind)}"><PartnerKey xsi:nil="true" />{head}{object_id}{rest}'
        f"{outcome.inner}</Object>"
    )


def _element(name: str, value: str) -> str:
    return f"<{name}>{escape(value)}</{name}>"
