"""Providers by MX: a company's domain is looked up, kept until its TTL is over, and counted."""

from __future__ import annotations

import csv
import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from light_workspace import LightWorkspace

from bouncelens.errors import InputInvalid
from bouncelens.service.address import explain_address
from bouncelens.service.doctor import diagnose
from bouncelens.service.import_file import import_file
from bouncelens.service.providers import Wanted, after_pull, look_up, show
from bouncelens.service.pull import Asked, pull
from bouncelens.service.report import answer
from bouncelens.settings import Settings
from bouncelens.store.tables import DOMAINS
from dns_server import DnsServer, Zone, closed_port, running_dns
from sandbox_process import Sandbox

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
# domain: addresses mailed, of which bounced
MAILED = {
    "gmail.com": (40, 3),
    "acme.example": (30, 2),
    "beta.example": (20, 1),
    "own.example": (10, 1),
    "gone.example": (4, 4),
    "quiet.example": (5, 0),
    "null.example": (3, 1),
    "straße.example": (2, 1),
    "printer.local": (1, 1),
}
ZONES: dict[str, Zone | str] = {
    "acme.example": Zone(mx=("0 acme-example.mail.protection.outlook.com.",), ttl=3600),
    "beta.example": Zone(mx=("10 eu-smtp-inbound-1.mimecast.com.",), ttl=3 * 86400),
    "own.example": Zone(mx=("10 mail.own.example.",), ttl=90 * 86400),
    "quiet.example": Zone(mx=("0 quiet-example.mail.protection.outlook.com.",)),
    "null.example": Zone(mx=("0 .",)),
    "xn--strae-oqa.example": Zone(mx=("1 aspmx.l.google.com.",)),
}
BY_PROVIDER = {  # bounces, sent
    "google": (4, 42),
    "microsoft_365": (2, 35),
    "mimecast": (1, 20),
    "other": (7, 18),
}


def settings_in(folder: Path, resolver: str, **providers: object) -> Settings:
    return Settings(
        lake=str(folder / "lake"),
        ledger=f"sqlite:///{folder / 'bouncelens.db'}",
        dns={"resolvers": [resolver], "timeout_s": 0.4, "per_s": 1000},
        providers=providers,
    )


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with lake and ledger, after a Tracking Extract with all of it was imported."""
    bounces, sent = io.StringIO(newline=""), io.StringIO(newline="")
    told, mailed = csv.writer(bounces), csv.writer(sent)
    head = ["ClientID", "SendID", "SubscriberKey", "EmailAddress", "EventDate"]
    told.writerow([*head, "BounceReason", "SMTPCode", "BatchID"])
    mailed.writerow([*head, "EventType"])
    for domain, (sends, bounced) in MAILED.items():
        for n in range(sends):
            row = [7, 1, f"{domain}-{n}", f"p{n}@{domain}"]
            mailed.writerow([*row, "1/5/2026 7:00:00 AM", "Sent"])
            if n < bounced:
                told.writerow([*row, "1/5/2026 7:10:00 AM", "550 5.1.1 no such user", 550, 1])
    path = tmp_path_factory.mktemp("extract") / "extract.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Bounces.csv", bounces.getvalue().encode("utf-16"))
        archive.writestr("Sent.csv", sent.getvalue().encode("utf-16"))
    folder = tmp_path_factory.mktemp("imported")
    with LightWorkspace.open(settings_in(folder, closed_port())) as workspace:
        import_file(workspace, path)
    return folder


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with running_dns(ZONES) as running:
        yield running


Open = Callable[..., LightWorkspace]


@pytest.fixture
def opened(tmp_path: Path, imported: Path, server: DnsServer) -> Iterator[Open]:
    """Workspaces on one lake, with other settings each time."""
    made: list[LightWorkspace] = []
    folder = shutil.copytree(imported, tmp_path / "work")

    def again(resolver: str = server.resolver, **providers: object) -> LightWorkspace:
        made.append(LightWorkspace.open(settings_in(folder, resolver, **providers)))
        return made[-1]

    yield again
    for workspace in made:
        workspace.close()


def by_provider(workspace: LightWorkspace) -> dict[str, tuple[int, int]]:
    found = answer(workspace, "by_provider")
    names = [column.name for column in found.columns]
    rows = [dict(zip(names, row, strict=True)) for row in found.rows]
    return {row["provider"]: (row["bounces"], row["sent"]) for row in rows}


def test_company_domains_become_their_providers_in_all_history(
    opened: Open, server: DnsServer
) -> None:
    workspace = opened()
    assert by_provider(workspace) == {"google": (3, 40), "other": (11, 75)}
    before = workspace.lake.read("templates"), workspace.lake.read("verdicts")
    done = look_up(workspace, now=NOW)
    assert (done.domains, done.asked, done.kept, done.left, done.found) == (8, 7, 0, 0, 4)
    assert dict(done.outcomes) == {"mx": 5, "null_mx": 1, "nxdomain": 1}
    assert dict(done.providers) == {"microsoft_365": 2, "mimecast": 1, "google": 1}
    assert (done.notes, done.exit_code) == ((), 0)
    assert by_provider(workspace) == BY_PROVIDER
    assert (workspace.lake.read("templates"), workspace.lake.read("verdicts")) == before
    first = [name for name, kind in server.asked if kind == "MX"][:3]
    assert set(first) <= set(ZONES)
    assert "printer.local" not in {name for name, _ in server.asked}


def test_both_filters_narrow_to_what_was_found(opened: Open) -> None:
    workspace = opened()
    look_up(workspace, now=NOW)
    narrowed = {"provider": "microsoft_365", "domain": "acme.example"}
    found = answer(workspace, "totals", **narrowed)
    row = dict(zip([column.name for column in found.columns], found.rows[0], strict=True))
    assert (row["bounces"], row["sent"]) == (2, 30)


def test_an_answer_counts_as_long_as_its_ttl_within_limits(opened: Open, server: DnsServer) -> None:
    limits = {"least_hours": 12, "most_hours": 240, "negative_hours": 3}
    workspace = opened(**limits)
    look_up(workspace, now=NOW)
    hours = {
        name: (kept.expires_at - NOW) / timedelta(hours=1)
        for name, kept in workspace.ledger.mail_hosts.find([*ZONES, "gone.example"]).items()
    }
    assert hours["acme.example"] == 12  # its TTL is an hour
    assert hours["beta.example"] == 72  # its own
    assert hours["own.example"] == 240  # its TTL is ninety days
    assert hours["null.example"] == hours["gone.example"] == 3
    server.asked.clear()
    soon = look_up(workspace, now=NOW + timedelta(hours=2))
    assert (soon.asked, soon.kept, server.asked) == (0, 7, [])
    later = look_up(workspace, now=NOW + timedelta(hours=4))
    assert {name for name, _ in server.asked} == {"null.example", "gone.example"}
    assert (later.asked, later.kept) == (2, 5)
    look_up(workspace, Wanted(domains=("beta.example",), again=True), now=NOW)
    assert server.asked[-1] == ("beta.example", "MX")


def test_a_limit_takes_those_with_most_mail_and_says_what_is_left(
    opened: Open, server: DnsServer
) -> None:
    workspace = opened()
    done = look_up(workspace, Wanted(most=2), now=NOW)
    assert {name for name, _ in server.asked} == {"acme.example", "beta.example"}
    assert (done.asked, done.left, done.exit_code) == (2, 5, 0)
    assert "5 domains are yet to be looked up" in done.notes[0]
    assert look_up(workspace, now=NOW).asked == 5


def test_without_dns_what_is_known_counts_on(opened: Open) -> None:
    look_up(opened(), now=NOW)
    offline = opened(closed_port())
    done = look_up(offline, now=NOW + timedelta(days=90))
    assert (done.asked, done.left, done.exit_code) == (0, 0, 3)
    assert done.notes[0].startswith("DNS gives no answer (")
    assert by_provider(offline) == BY_PROVIDER
    kept = offline.ledger.mail_hosts.find(["acme.example"])["acme.example"]
    assert kept.answer.looked_at == NOW


def test_an_answer_that_fails_for_the_moment_erases_nothing(
    opened: Open, server: DnsServer
) -> None:
    workspace = opened()
    look_up(workspace, now=NOW)
    server.zones["acme.example"] = "servfail"
    later = NOW + timedelta(days=90)
    done = look_up(workspace, now=later)
    assert dict(done.outcomes)["servfail"] == 1
    assert by_provider(workspace) == BY_PROVIDER
    assert show(workspace, "acme.example").outcome == "mx"
    assert look_up(workspace, now=later + timedelta(hours=1)).asked == 0
    server.zones["acme.example"] = Zone(mx=("5 aspmx.l.google.com.",))
    look_up(workspace, now=later + timedelta(hours=7))
    assert show(workspace, "acme.example").provider == "google"


def test_one_silent_domain_does_not_stop_the_rest(opened: Open, server: DnsServer) -> None:
    server.zones["acme.example"] = "silent"
    done = look_up(opened(), now=NOW)
    assert dict(done.outcomes)["timeout"] == 1
    assert done.found == 3


def test_a_pull_looks_up_only_if_told_to_and_never_fails(opened: Open, server: DnsServer) -> None:
    assert after_pull(opened(), now=NOW) == ()
    assert server.asked == []
    (told, left) = after_pull(opened(lookup=True, most=3), now=NOW)
    assert told == "3 domains were looked up; the provider of 2 of 8 that no name tells is known."
    assert left.startswith("4 domains are yet")
    told = after_pull(opened(closed_port(), lookup=True), now=NOW)
    assert told[0].startswith("DNS gives no answer")


def test_a_pull_ends_with_a_look_up(sandbox: Sandbox, server: DnsServer, tmp_path: Path) -> None:
    settings = sandbox.settings(
        tmp_path, dns={"resolvers": [server.resolver]}, providers={"lookup": True}
    )
    with LightWorkspace.open(settings) as workspace:
        since = datetime.now(UTC) - timedelta(days=14)
        done = pull(workspace, Asked((sandbox.accounts[1][0],), since=since))
        assert "domains were looked up; the provider of 0 of" in done.notes[-1]
        found = workspace.lake.read("domains")["outcome"].to_pylist()
    assert set(found) == {"nxdomain"}
    assert {name.rpartition(".")[2] for name, _ in server.asked} == {"example"}


def test_a_domain_is_shown_without_asking(opened: Open, server: DnsServer) -> None:
    workspace = opened()
    assert show(workspace, "kim@Gmail.com").how == "name"
    never = show(workspace, "acme.example")
    assert (never.how, never.outcome, never.meaning) == (
        "not known",
        None,
        "it was never looked up",
    )
    look_up(workspace, now=NOW)
    server.asked.clear()
    acme = show(workspace, "kim@acme.example")
    assert (acme.provider, acme.how, acme.rule) == (
        "microsoft_365", "mx", "mail.protection.outlook.com",
    )  # fmt: skip
    assert show(workspace, "beta.example").is_gateway
    assert show(workspace, "own.example").mx_host == "mail.own.example"
    assert show(workspace, "printer.local").outcome == "not_asked"
    (person,) = explain_address(workspace, "p0@acme.example", now=NOW)
    assert person.provider_name == "Microsoft 365 (Exchange Online)"
    assert person.mx_host == "acme-example.mail.protection.outlook.com"
    assert server.asked == []


def test_what_replies_told_of_a_domain_is_shown_too(opened: Open) -> None:
    workspace = opened()
    row = {"domain": "acme.example", "provider": "google", "outcome": "reply", "looked_at": NOW}
    workspace.lake.put_domains(pa.Table.from_pylist([row], schema=DOMAINS.schema))
    acme = show(workspace, "acme.example")
    assert (acme.provider, acme.how, acme.outcome, acme.looked_at) == (
        "google", "reply", "reply", NOW,
    )  # fmt: skip
    assert acme.meaning == "DNS was not asked: replies of its servers say it"
    assert show(workspace, "own.example").how == "not known"
    look_up(workspace, now=NOW)
    assert show(workspace, "acme.example").how == "mx"


def test_without_a_lake_a_domain_is_still_known_by_its_name(tmp_path: Path) -> None:
    with LightWorkspace.open(settings_in(tmp_path, closed_port()), create=False) as workspace:
        assert show(workspace, "gmail.com").how == "name"
        assert show(workspace, "acme.example").meaning == "it was never looked up"


@pytest.mark.parametrize("domain", ["", "x" * 300, "a\x1b[2Jb.example", "kim@"])
def test_a_hostile_domain_is_no_domain(opened: Open, domain: str) -> None:
    with pytest.raises(InputInvalid, match="is no domain"):
        show(opened(), domain)


def test_the_doctor_says_whether_dns_answers(opened: Open) -> None:
    def dns(workspace: LightWorkspace, *, is_offline: bool = False) -> list[bool]:
        checks = diagnose(workspace, is_offline=is_offline).checks
        return [check.is_ok for check in checks if check.name == "dns"]

    assert dns(opened()) == [True]
    assert dns(opened(closed_port(), lookup=True)) == [False]
    assert dns(opened(), is_offline=True) == []
