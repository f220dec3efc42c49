"""Every recorded fact has a test that names its section: facts.toml against the tests there are."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
CONTENT: dict[str, Any] = tomllib.loads((HERE / "facts.toml").read_text("utf-8"))
FACTS: list[dict[str, str]] = CONTENT["fact"]


@cache
def _tests() -> frozenset[str]:
    """Names of the test functions beside this one."""
    return frozenset(
        node.name
        for path in HERE.glob("test_sandbox_*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact["id"])
def test_a_facts_test_exists_and_names_its_section(fact: dict[str, str]) -> None:
    assert set(fact) == {"id", "section", "fact", "test"}
    assert fact["test"] in _tests()
    assert fact["test"].startswith(f"test_sfmc_{fact['section'].replace('.', '_')}_")
    assert fact["id"].startswith(f"{fact['section']}-")


def test_every_section_has_facts_and_no_other_is_named() -> None:
    assert {fact["section"] for fact in FACTS} == set(CONTENT["sections"])


def test_no_fact_is_there_twice() -> None:
    for key in ("id", "fact"):
        values = [fact[key] for fact in FACTS]
        assert sorted(values) == sorted(set(values))


def test_a_test_that_names_a_section_names_one_there_is() -> None:
    known = {section.replace(".", "_") for section in CONTENT["sections"]}
    for name in _tests():
        if not name.startswith("test_sfmc_"):
            continue
        first, second = (*name.removeprefix("test_sfmc_").split("_"), "")[:2]
        assert {first, f"{first}_{second}"} & known, name
