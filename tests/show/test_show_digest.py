"""The digest: due once, sent once, in doubt only when it is in doubt, and honest about change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from typer.testing import CliRunner

from bouncelens.decide.change import Share, difference
from bouncelens.errors import InputInvalid, MailRefused
from bouncelens.service.digest import (
    Digest,
    DigestAsked,
    Due,
    compile_digest,
    count_as_delivered,
    deliver,
    due,
    message_id,
)
from bouncelens.service.digest_changes import Change, changes_between
from bouncelens.service.report import Answer, Column
from bouncelens.service.workspace import Workspace
from bouncelens.settings import Settings
from bouncelens.settings.model import DigestSettings
from bouncelens.show.cli.app import app
from bouncelens.show.export.digest import digest_report
from bouncelens.show.export.letter import Envelope, letter
from bouncelens.show.export.markdown import markdown
from mail_server import Mailbox, served

FIRST_LOOK = datetime(2026, 3, 4, 6, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def workspace(web_settings: Settings, tmp_path: Path) -> Iterator[Workspace]:
    own = {"digest": DigestSettings(days=1), "ledger": f"sqlite:///{tmp_path / 'own.db'}"}
    settings = web_settings.model_copy(update=own)
    with Workspace.open(settings, create=False) as opened:
        yield opened


def next_due(workspace: Workspace, now: datetime = FIRST_LOOK, **asked: Any) -> Due:
    found = due(workspace, DigestAsked(**asked), now=now)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def compiled(web_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Digest:
    place = tmp_path_factory.mktemp("compiled") / "own.db"
    own = {"digest": DigestSettings(days=1), "ledger": f"sqlite:///{place}"}
    with Workspace.open(web_settings.model_copy(update=own), create=False) as opened:
        return compile_digest(opened, next_due(opened))


def taken() -> dict[str, int]:
    return {"accepted": 1, "refused": 0}


def lost() -> dict[str, int]:
    raise MailRefused("mail.example.com:587", "the connection was lost", is_certain=False)


def refused() -> dict[str, int]:
    raise MailRefused("mail.example.com:587", "it refused the message: 554 no")


def days(found: Due) -> tuple[date, date, date]:
    return found.other_since.date(), found.since.date(), found.until.date()


def test_the_first_digest_leaves_the_unsettled_day_out_and_compares_as_many_days_before(
    compiled: Digest,
) -> None:
    found = compiled
    assert days(found.due) == (date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3))
    assert found.due.last is None
    assert found.whole is not None
    assert (found.whole.before.whole, found.whole.after.whole) == (800, 800)


def test_a_digest_is_delivered_once_and_the_next_begins_where_it_ended(
    workspace: Workspace,
) -> None:
    deliver(workspace, next_due(workspace), taken, way="mail")
    assert due(workspace, DigestAsked(), now=FIRST_LOOK + timedelta(hours=9)) is None
    later = next_due(workspace, FIRST_LOOK + 2 * DAY)
    assert days(later)[1:] == (date(2026, 3, 3), date(2026, 3, 5))
    assert later.last is not None


def test_of_two_processes_with_the_same_digest_one_delivers(workspace: Workspace) -> None:
    one, other = next_due(workspace), next_due(workspace)
    deliver(workspace, one, taken, way="mail")
    with pytest.raises(InputInvalid, match="Another process"):
        deliver(workspace, other, taken, way="mail")


def test_what_was_surely_refused_is_due_again(workspace: Workspace) -> None:
    with pytest.raises(MailRefused):
        deliver(workspace, next_due(workspace), refused, way="mail")
    assert days(next_due(workspace)) == (date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3))


class Killed(BaseException):
    """As a signal ends a process."""


def killed() -> dict[str, int]:
    raise Killed


@pytest.mark.parametrize("end", [lost, killed])
def test_a_mail_in_doubt_is_neither_sent_twice_nor_forgotten(
    workspace: Workspace, end: Any
) -> None:
    first = next_due(workspace)
    with pytest.raises((MailRefused, Killed)):
        deliver(workspace, first, end, way="mail")
    with pytest.raises(InputInvalid, match="not known whether the digest of 2026-03-02"):
        due(workspace, DigestAsked(), now=FIRST_LOOK + DAY)
    again = next_due(workspace, FIRST_LOOK + DAY, again=True)
    ids = {message_id(d, to=("a@example.com",), sender="b@example.com") for d in (first, again)}
    assert len(ids) == 1, "mailboxes show it once"
    deliver(workspace, again, taken, way="mail")
    assert days(next_due(workspace, FIRST_LOOK + DAY))[1] == date(2026, 3, 3)


def test_a_person_can_say_that_a_mail_in_doubt_arrived(workspace: Workspace) -> None:
    with pytest.raises(InputInvalid, match="No digest is in question"):
        count_as_delivered(workspace, DigestAsked())
    with pytest.raises(MailRefused):
        deliver(workspace, next_due(workspace), lost, way="mail")
    count_as_delivered(workspace, DigestAsked())
    assert days(next_due(workspace, FIRST_LOOK + DAY))[1] == date(2026, 3, 3)


def test_every_name_and_every_business_unit_has_its_own_last_digest(workspace: Workspace) -> None:
    deliver(workspace, next_due(workspace), taken, way="file")
    assert next_due(workspace, name="managers").last is None
    assert next_due(workspace, account=7).last is None


def rates(question: str, column: str, *rows: tuple[str, int, int]) -> Answer:
    names = (column, "bounced", "uncounted", "sent")
    return Answer(
        question, question, "", "", tuple(Column(name, "", "") for name in names),
        tuple((name, bounced, 0, sent) for name, bounced, sent in rows), None, None, "UTC", (),
    )  # fmt: skip


BEFORE = {
    "by_reason": [("unknown_user", 100, 20_000), ("mailbox_full", 50, 20_000)],
    "by_provider": [("google", 50, 10_000), ("yahoo", 50, 10_000), ("tiny", 0, 20)],
    "by_sender_domain": [("a.example", 150, 20_000)],
    "by_account": [("7", 150, 20_000)],
}
AFTER = {
    "by_reason": [("unknown_user", 101, 20_000), ("blocklisted", 400, 20_000)],
    "by_provider": [("google", 450, 10_000), ("yahoo", 51, 10_000), ("tiny", 20, 20)],
    "by_sender_domain": [("a.example", 501, 20_000)],
    "by_account": [("7", 501, 20_000)],
}
COLUMNS = {q: q.removeprefix("by_") for q in BEFORE}


def test_only_clear_changes_are_told_the_largest_first_and_a_new_reason_is_one() -> None:
    compared, found = changes_between(
        lambda q: rates(q, COLUMNS[q], *AFTER[q]),
        lambda q: rates(q, COLUMNS[q], *BEFORE[q]),
        min_sent=100,
    )
    # The only business unit is the whole once more, and twenty messages say nothing.
    assert compared == 6
    assert [(c.dimension, c.name) for c in found] == [
        ("reason", "blocklisted"), ("provider", "google"), ("sender_domain", "a.example"),
        ("reason", "mailbox_full"),
    ]  # fmt: skip
    assert found[1].extra == pytest.approx(400)
    assert found[-1].extra == pytest.approx(-50)


def with_change(found: Digest) -> Digest:
    before, after = Share(50, 10_000), Share(450, 10_000)
    name = "evil.example<script>\u202e=1"
    return replace(
        found,
        changes=(Change("sender_domain", name, before, after, difference(before, after)),),
        compared=9,
    )


def test_the_report_says_first_what_changed_with_its_interval(compiled: Digest) -> None:
    report = digest_report(with_change(compiled), made_at=FIRST_LOOK)
    assert report.sections[0].title == "What changed"
    assert report.sections[0].rows[0][-3:] == ("+4.00", "+3.58 to +4.44", "400")
    assert "95 % interval" in report.lead[0]
    assert "no clear change" in report.lead[0]
    assert report.lead[1] == (
        "More bounces of mail from evil.example<script>=1: 4.50 % of 10,000 sent, before 0.50 % of "
        "10,000; up by 3.58 to 4.44 points, about 400 messages."
    )
    assert "9 rates were compared." in report.sections[0].notes
    calm = digest_report(replace(with_change(compiled), changes=()), made_at=FIRST_LOOK)
    assert calm.sections[0].rows == ()
    assert "No rate clearly changed." in markdown(calm)
    assert "| what" not in markdown(calm)


def test_a_letter_carries_words_tables_and_pictures_and_runs_nothing(
    compiled: Digest,
) -> None:
    report = digest_report(with_change(compiled), made_at=FIRST_LOOK)
    envelope = Envelope("b@example.com", ("a@example.com",), "<x@example.com>")
    made = letter(report, envelope, attached={"all.pdf": b"%PDF-"})
    read = message_from_bytes(made.as_bytes(policy=policy.SMTP), policy=policy.default)
    assert isinstance(read, EmailMessage)
    kinds = [part.get_content_type() for part in read.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "image/png", "image/png", "application/pdf"]
    assert read["Auto-Submitted"] == "auto-generated"
    body = read.get_body(("html",))
    assert body is not None
    page = html.fromstring(body.get_content())
    assert not list(page.iter("script"))
    links = {e.get("src") or e.get("href") for e in page.iter() if e.get("src") or e.get("href")}
    carried = {
        f"cid:{part['Content-ID'].strip('<>')}" for part in read.walk() if part["Content-ID"]
    }
    assert links == carried


def test_the_command_mails_once_keeps_it_and_can_be_tried_dry(
    web_settings: Settings, tmp_path: Path
) -> None:
    box = Mailbox(refuses=frozenset({"gone@example.com"}))
    controller = served(box)
    config = tmp_path / "bouncelens.toml"
    config.write_text(
        f"""
lake = '{web_settings.lake}'
ledger = 'sqlite:///{tmp_path / "ledger.db"}'
[mail]
host = "127.0.0.1"
port = {controller.port}
security = "none"
sender = "bounces@example.com"
[digest]
to = ["ops@example.com", "gone@example.com"]
attach = ["html"]
""",
        "utf-8",
    )

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["digest", "-c", str(config), *words])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.exit_code, result.stderr

    try:
        code, said = run("--mail", "--dry-run", "--out", str(tmp_path / "mail.eml"))
        assert (code, "Written, not sent" in said, box.messages) == (0, True, [])
        code, said = run("--mail")
        assert code == 3
        assert "Not taken for gone@example.com: 550 5.1.1" in said
        assert box.recipients == [("ops@example.com",)]
        code, said = run("--mail")
        assert (code, "Nothing new" in said, len(box.messages)) == (0, True, 1)
    finally:
        controller.stop()
    dry = message_from_bytes((tmp_path / "mail.eml").read_bytes(), policy=policy.default)
    sent = message_from_bytes(box.messages[0], policy=policy.default)
    assert dry["Message-ID"] == sent["Message-ID"]
    assert sent["Subject"].startswith("Bounces, ")


def test_mail_without_a_server_is_refused_before_any_work(tmp_path: Path) -> None:
    config = tmp_path / "bouncelens.toml"
    config.write_text(f"lake = '{tmp_path / 'none'}'\n", "utf-8")
    result = CliRunner().invoke(app, ["digest", "-c", str(config), "--mail"])
    assert "Mail needs mail.host, mail.sender, digest.to." in str(result.exception)
