"""What the MX of a domain tells, as questions see it: where the domain's name tells nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from answers_lake import at, fill
from lake_rows import rows

from bouncelens.store import tables
from bouncelens.store.duck import DuckEngine
from bouncelens.store.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bouncelens.store.engine import Engine


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """The lake of the answers, with b.example looked up, and a.example, whose name tells all."""
    with Lake.open(str(tmp_path_factory.mktemp("lakes") / "lake")) as made:
        fill(made)
        made.put_domains(_found(("b.example", "microsoft_365"), ("a.example", "mimecast")))
        yield made


@pytest.fixture(scope="module")
def engine(lake: Lake) -> Iterator[Engine]:
    with DuckEngine(lake) as made:
        yield made


def _found(*told: tuple[str, str | None]) -> object:
    return rows(
        tables.DOMAINS,
        (
            {"domain": domain, "provider": slug, "outcome": "mx", "looked_at": at(6)}
            for domain, slug in told
        ),
    )


def _cells(engine: Engine, question: str, **asked: object) -> dict[object, tuple[int, int | None]]:
    found = engine.ask(question, asked).to_pylist()
    return {next(iter(row.values())): (row["bounces"], row["sent"]) for row in found}


def test_a_provider_found_by_mx_counts_bounces_and_what_was_sent(engine: Engine) -> None:
    assert _cells(engine, "by_provider") == {
        "google": (4, 120),  # what the name tells stays
        "microsoft_365": (2, 70),
        "other": (1, None),
    }


@pytest.mark.parametrize(
    ("question", "key"),
    [
        ("by_domain", "b.example"),
        ("by:domain", "b.example"),
        ("by:provider", "microsoft_365"),
        ("by:account", 1),
    ],
)
def test_the_provider_filter_takes_it(engine: Engine, question: str, key: object) -> None:
    assert _cells(engine, question, provider="microsoft_365") == {key: (2, 70)}


def test_the_domain_filter_and_the_provider_filter_meet(engine: Engine) -> None:
    both = {"provider": "microsoft_365", "domain": "b.example"}
    assert engine.ask("totals", both).to_pylist()[0]["bounces"] == 2
    other = {"provider": "microsoft_365", "domain": "a.example"}
    assert engine.ask("totals", other).to_pylist()[0]["bounces"] == 0


def test_a_bounce_stays_one_bounce(engine: Engine) -> None:
    assert engine.ask("totals", {}).to_pylist()[0]["bounces"] == 7


def test_the_rows_themselves_do_not_change(lake: Lake) -> None:
    assert set(lake.read("bounces")["provider"].to_pylist()) == {"google", None}
    assert set(lake.read("templates")["provider"].to_pylist()) == {None}


def test_a_later_look_replaces_an_earlier_one(tmp_path: Path) -> None:
    with Lake.open(str(tmp_path / "lake")) as lake:
        lake.put_domains(_found(("b.example", "microsoft_365")))
        put = lake.put_domains(_found(("b.example", None)))
        assert (put.inserted, put.updated) == (0, 1)
        assert lake.read("domains")["provider"].to_pylist() == [None]
