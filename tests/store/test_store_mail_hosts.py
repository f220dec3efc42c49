"""Answers of DNS in the ledger, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bouncelens.bounce import MailHosts
from bouncelens.store.ledger import Ledger
from bouncelens.store.ledger.mail_hosts import Kept

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres_server import Postgres

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOSTS = ((5, "mx1.acme.example"), (10, "mx2.acme.example"))


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    place = f"sqlite:///{tmp_path / 'ledger.db'}"
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        place = server.url(server.new_database())
    with Ledger.open(place) as opened:
        yield opened


def test_answers_come_back_as_they_were_kept(ledger: Ledger) -> None:
    kept = [
        Kept(MailHosts("acme.example", "mx", NOW, HOSTS, 300), NOW + timedelta(days=1)),
        Kept(MailHosts("gone.example", "nxdomain", NOW), NOW + timedelta(hours=6)),
    ]
    ledger.mail_hosts.save(kept)
    asked = ["gone.example", "acme.example", "never.example"]
    assert ledger.mail_hosts.find(asked) == {one.answer.domain: one for one in kept}
    assert ledger.mail_hosts.count() == 2


def test_a_later_answer_replaces_the_earlier_one(ledger: Ledger) -> None:
    first = Kept(MailHosts("acme.example", "mx", NOW, HOSTS, 300), NOW)
    later = NOW + timedelta(days=2)
    second = Kept(MailHosts("acme.example", "null_mx", later, (), 60), later)
    ledger.mail_hosts.save([first])
    ledger.mail_hosts.save([second])
    assert ledger.mail_hosts.find(["acme.example"]) == {"acme.example": second}
    assert ledger.mail_hosts.count() == 1


def test_many_domains_are_found_at_once(ledger: Ledger) -> None:
    names = [f"d{n}.example" for n in range(701)]
    ledger.mail_hosts.save([Kept(MailHosts(name, "nxdomain", NOW), NOW) for name in names])
    assert set(ledger.mail_hosts.find(names)) == set(names)
