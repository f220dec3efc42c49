"""MX look-ups against a real name server: every outcome is told apart, and strangers' names cannot
make us ask what we should not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bouncelens.bounce import MailHosts
from bouncelens.check.mx import OUTCOMES, PASSING, MxAsker, asked_name
from bouncelens.settings.dns import DnsSettings
from dns_server import DnsServer, Zone, closed_port, running_dns

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OWN = "acme.example"
ZONES = {
    "acme.example": Zone(mx=("20 mx2.acme.example.", "10 MX1.acme.example."), ttl=300),
    "alias.example": Zone(cname="acme.example", ttl=60),
    "null.example": Zone(mx=("0 .",), ttl=7200),
    "null-and-more.example": Zone(mx=("0 .", "10 mx.acme.example.")),
    "a-only.example": Zone(a=("192.0.2.1",), ttl=120),
    "aaaa-only.example": Zone(aaaa=("2001:db8::1",), ttl=240),
    "empty.example": Zone(),
    "no-host.example": Zone(mx=("0 ms123.msv1.invalid.", "5 192.0.2.1.", "9 localhost.")),
    "marked.example": Zone(mx=("0 ms123.msv1.invalid.", "5 mx.acme.example.")),
    "odd.example": Zone(mx=(r"5 mx\032\009\".acme.example.", "9 mx.acme.example.")),
    "many.example": Zone(mx=tuple(f"{n} mx{n}.acme.example." for n in range(30))),
    "xn--strae-oqa.example": Zone(mx=("1 mx.acme.example.",)),
    "broken.example": "servfail",
    "denied.example": "refused",
    "strange.example": "formerr",
    "silent.example": "silent",
}


@pytest.fixture(scope="module")
def server() -> Iterator[DnsServer]:
    with running_dns(ZONES) as running:
        yield running


def asker(*resolvers: str, timeout_s: float = 5, per_s: float = 1000) -> MxAsker:
    settings = DnsSettings(resolvers=resolvers, timeout_s=timeout_s, per_s=per_s)
    return MxAsker(settings, clock=lambda: NOW)


def hosts(*told: tuple[int, str]) -> tuple[tuple[int, str], ...]:
    return told


CASES = [
    (OWN, "mx", hosts((10, "mx1.acme.example"), (20, "mx2.acme.example")), 300),
    ("alias.example", "mx", hosts((10, "mx1.acme.example"), (20, "mx2.acme.example")), 60),
    ("null.example", "null_mx", (), 7200),
    ("null-and-more.example", "mx", hosts((10, "mx.acme.example")), 3600),
    ("a-only.example", "implicit_mx", hosts((0, "a-only.example")), 120),
    ("aaaa-only.example", "implicit_mx", hosts((0, "aaaa-only.example")), 240),
    ("empty.example", "no_mail", (), None),
    ("no-host.example", "bad_mx", (), 3600),
    ("marked.example", "mx", hosts((5, "mx.acme.example")), 3600),
    ("odd.example", "mx", hosts((9, "mx.acme.example")), 3600),
    ("gone.example", "nxdomain", (), None),
    ("xn--strae-oqa.example", "mx", hosts((1, "mx.acme.example")), 3600),
    ("broken.example", "servfail", (), None),
    ("denied.example", "refused", (), None),
    ("strange.example", "servfail", (), None),
]


@pytest.mark.parametrize(("domain", "outcome", "found", "ttl_s"), CASES)
def test_every_answer_is_an_outcome(
    server: DnsServer,
    domain: str,
    outcome: str,
    found: tuple[tuple[int, str], ...],
    ttl_s: int | None,
) -> None:
    answers = asker(server.resolver).look_up([domain])
    assert answers == [MailHosts(domain, outcome, NOW, found, ttl_s)]
    assert outcome in OUTCOMES


def test_no_answer_is_an_outcome_too(server: DnsServer) -> None:
    told = asker(server.resolver, timeout_s=0.3).look_up(["silent.example", OWN])
    assert [answer.outcome for answer in told] == ["timeout", "mx"]
    assert asker(closed_port(), timeout_s=0.3).look_up([OWN])[0].outcome in PASSING


def test_the_next_resolver_answers_where_the_first_is_gone(server: DnsServer) -> None:
    assert asker(closed_port(), server.resolver, timeout_s=1).look_up([OWN])[0].outcome == "mx"


def test_nobody_can_make_us_keep_endless_hosts(server: DnsServer) -> None:
    assert len(asker(server.resolver).look_up(["many.example"])[0].hosts) == 20


def test_answers_come_in_the_order_of_the_questions(server: DnsServer) -> None:
    names = [name for name, zone in ZONES.items() if isinstance(zone, Zone)] * 3
    assert [answer.domain for answer in asker(server.resolver).look_up(names)] == names


def test_it_says_whether_dns_answers_at_all(server: DnsServer) -> None:
    assert asker(server.resolver).answers() == "ok"
    assert asker(closed_port(), timeout_s=0.3).answers() in PASSING


NAMES = [
    pytest.param("Acme.Example.", "acme.example", id="case and a dot"),
    pytest.param("straße.example", "xn--strae-oqa.example", id="sharp s"),
    pytest.param("müller.example", "xn--mller-kva.example", id="umlaut"),
    pytest.param("例え.jp", "xn--r8jz45g.jp", id="Japanese"),
    pytest.param("xn--mller-kva.example", "xn--mller-kva.example", id="A-label"),
    pytest.param("a_b.example", "a_b.example", id="underscore"),
    pytest.param("", None, id="nothing"),
    pytest.param(".", None, id="root"),
    pytest.param("localhost", None, id="localhost"),
    pytest.param("acme", None, id="single label"),
    pytest.param("mail.localhost", None, id="below localhost"),
    pytest.param("printer.local", None, id="mDNS"),
    pytest.param("db.internal", None, id="internal"),
    pytest.param("router.home.arpa", None, id="home"),
    pytest.param("abc.onion", None, id="onion"),
    pytest.param("1.2.0.192.in-addr.arpa", None, id="reverse"),
    pytest.param("192.0.2.1", None, id="IPv4"),
    pytest.param("[192.0.2.1]", None, id="IPv4 literal"),
    pytest.param("[IPv6:2001:db8::1]", None, id="IPv6 literal"),
    pytest.param("2001:db8::1", None, id="IPv6"),
    pytest.param("acme..example", None, id="empty label"),
    pytest.param("-acme.example", None, id="hyphen"),
    pytest.param("acme.example\n", "acme.example", id="line end around it"),
    pytest.param("ac\nme.example", None, id="line end inside"),
    pytest.param("acme\x00.example", None, id="NUL"),
    pytest.param("ac me.example", None, id="blank"),
    pytest.param("acme.example/../x", None, id="path"),
    pytest.param("kim@acme.example", None, id="address"),
    pytest.param("x" * 64 + ".example", None, id="long label"),
    pytest.param(".".join(["x" * 50] * 6), None, id="long name"),
    pytest.param("ü" * 60 + ".example", None, id="long once encoded"),
    pytest.param("\u202eacme.example", None, id="right to left"),
    pytest.param("\ud800.example", None, id="half a character"),
]


@pytest.mark.parametrize(("domain", "name"), NAMES)
def test_only_public_host_names_are_asked(domain: str, name: str | None) -> None:
    assert asked_name(domain) == name


@given(st.text(max_size=80))
def test_whatever_is_asked_is_a_host_name_and_stays_one(text: str) -> None:
    name = asked_name(f"{text}.example")
    if name is not None:
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.")
        assert len(name) <= 253
        assert asked_name(name) == name


def test_every_outcome_is_explained_to_readers() -> None:
    page = (Path(__file__).parents[2] / "docs/providers.md").read_text("utf-8")
    assert [outcome for outcome in OUTCOMES if f"`{outcome}`" not in page] == []
