"""Bounces as mail systems write them, a sample of each written for this table, and look-alikes."""

from __future__ import annotations

import base64
import quopri
from pathlib import Path

import pyarrow as pa
import pytest

from bouncelens.extract.files import FileSource
from bouncelens.extract.mail_forms import forms, plain_text

DAEMON = "Mail Delivery System <MAILER-DAEMON@mx.example>"
DATE = "Sun, 1 Mar 2026 11:00:05 +0100"


def mail(body: str, *, sender: str = DAEMON, kind: str = "text/plain", **more: str) -> str:
    headers = {"From": sender, "Date": DATE, "Subject": "Undeliverable: News", **more}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\n".join(
        [*lines, "MIME-Version: 1.0", f"Content-Type: {kind}", "", body.strip("\n"), ""]
    )


def parts(*bodies: tuple[str, str], kind: str = "mixed", **more: str) -> str:
    made = "".join(f"--b\nContent-Type: {kind}\n\n{body}\n" for kind, body in bodies) + "--b--\n"
    return mail(made, kind=f'multipart/{kind}; boundary="b"', **more)


def status(fields: str) -> tuple[str, str]:
    return "message/delivery-status", f"Reporting-MTA: dns; mx.example\n\n{fields}\n"


FAILED = "Final-Recipient: rfc822; pat@example.net\nAction: failed\nStatus: 5.1.1\n"
RETURNED = ("message/rfc822", "X-Job: 7000001_2001070\nSubject: News\n\nHello!")
NEWS = (
    "\n--- Below this line is a copy of the message.\n\nX-Job: 7000001_2001070\nSubject: News\n\nHi"
)

EXIM = """
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  pat@example.net
    (generated from sales@example.net)
    host mx.example.net [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<pat@example.net>:
    550 5.1.1 no such user here
  kim@example.net
    retry timeout exceeded

------ This is a copy of the message, including all the headers. ------

X-Job: 7000001_2001070
"""
QMAIL = f"""
Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<pat@example.net>:
192.0.2.1 does not like recipient.
Remote host said: 550 no mailbox here by that name
Giving up on 192.0.2.1.

<kim@example.net>:
Sorry, I couldn't find any host named example.net. (#5.1.2)
{NEWS}
"""
YAHOO = f"""
Sorry, we were unable to deliver your message to the following address.

<pat@example.net>:
Remote host said: 554 delivery error: dd This user doesn't have an account [0] - mta1 [RCPT_TO]
{NEWS}
"""
POSTFIX = """
This is the mail system at host mx.example.

I'm sorry to have to inform you that your message could not be delivered.

<pat@example.net> (expanded from <all@example.net>): host mx.example.net[192.0.2.1] said:
    550 5.1.1 <pat@example.net>: Recipient address rejected: User unknown (in
    reply to RCPT TO command)

<kim@example.net>: unknown user: "kim"
"""
SENDMAIL = """
The original message was received at Sun, 1 Mar 2026 11:00:00 +0100

   ----- The following addresses had permanent fatal errors -----
<pat@example.net>
    (reason: 550 5.1.1 <pat@example.net>... User unknown)

   ----- Transcript of session follows -----
... while talking to mx.example.net.:
>>> DATA
<<< 550 5.1.1 <pat@example.net>... User unknown
"""
DOCOMO = """
   ----- The following addresses had delivery problem(s) -----
<pat@docomo.example>
    (reason: 550 Unknown user pat@docomo.example)
"""
EXCHANGE_2003 = """
Your message did not reach some or all of the intended recipients.

      Subject: News
      Sent:    3/1/2026 10:58 AM

The following recipient(s) could not be reached:

      pat@example.net on 3/1/2026 11:00 AM
            The e-mail account does not exist at the organization this message was sent to.
            <mx.example.net #5.1.1 smtp;550 5.1.1 unknown>
"""
EXCHANGE_HTML = """
<html><head><style>p { color: red }</style></head><body>
<p><b>Your message to pat@example.net couldn't be delivered.</b></p>
<div>pat wasn't found at example.net.</div>
<p>Diagnostic information for administrators:</p>
<p>Generating server: mx.example</p>
<p>pat@example.net<br>
Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient&nbsp;not found'</p>
</body></html>
"""
EXCHANGE_2010 = """
Delivery has failed to these recipients or groups:

Pat Doe (pat@example.net)
The e-mail address you entered couldn't be found.

Diagnostic information for administrators:

Generating server: mx.example

pat@example.net
mx.example.net #550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##
"""
EXCHANGE_GERMAN = """
Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Verteilerlisten:

Diagnoseinformationen für Administratoren:

Generierender Server: mx.example

pat@example.net
#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##
"""
DOMINO = """
Your Document:
      News
was not delivered to:
      pat@example.net
because:
      User pat (pat@example.net) not listed in Domino Directory

What should you do?
"""
KDDI = """
Each of the following recipients was rejected by a remote mail server.
The reasons given by the server are included to help you determine why.

    Recipient: <pat@ezweb.example>
    >>> RCPT TO:<pat@ezweb.example>
    <<< 550 <pat@ezweb.example>: User unknown
"""
HMAIL = """
Your message did not reach some or all of the intended recipients.

The following recipient(s) could not be reached:

pat@example.net
   Error Type: SMTP
   Connection to recipients server was established.
   Remote server replied: 550 5.1.1 No such user
"""
GMAIL = """
** Address not found **

Your message wasn't delivered to pat@example.net because the address couldn't be found.

Learn more here: https://support.example.com/?p=NoSuchUser

The response was:

550 5.1.1 The email account that you tried to reach does not exist.
"""
OTHER = """
We could not deliver your mail.

Recipient: pat@example.net
550 5.7.1 Blocked by policy
"""
HEADER_ONLY = """
Something failed for one of your recipients. The server answered:

550 5.2.1 This account is disabled
"""

PAT = "pat@example.net"
SAMPLES: dict[str, tuple[str, list[tuple[str, str]], int]] = {
    "exim": (
        mail(EXIM, X_Failed_Recipients="pat@example.net, kim@example.net"),
        [(PAT, "host mx.example.net [192.0.2.1] SMTP error"), ("kim@example.net", "retry timeout")],
        2001070,
    ),
    "qmail": (
        mail(QMAIL),
        [(PAT, "192.0.2.1 does not like"), ("kim@example.net", "Sorry, I couldn't find any host")],
        2001070,
    ),
    "yahoo": (mail(YAHOO), [(PAT, "Remote host said: 554 delivery error: dd")], 2001070),
    "postfix in words": (
        mail(POSTFIX),
        [(PAT, "host mx.example.net[192.0.2.1] said: 550 5.1.1"), ("kim@example.net", "unknown")],
        0,
    ),
    "sendmail": (mail(SENDMAIL), [(PAT, "550 5.1.1 <pat@example.net>... User unknown")], 0),
    "docomo": (mail(DOCOMO), [("pat@docomo.example", "550 Unknown user")], 0),
    "exchange 2003": (
        mail(EXCHANGE_2003, sender="System Administrator <postmaster@mx.example>"),
        [(PAT, "The e-mail account does not exist at the organization")],
        0,
    ),
    "exchange, html only": (
        mail(EXCHANGE_HTML, sender="Microsoft Outlook <MicrosoftExchange329e@mx.example>",
             kind="text/html"),
        [(PAT, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found")],
        0,
    ),
    "exchange 2010": (
        mail(EXCHANGE_2010, sender="postmaster@mx.example"),
        [(PAT, "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found")],
        0,
    ),
    "exchange in german": (
        mail(EXCHANGE_GERMAN, sender="postmaster@mx.example", kind="text/plain; charset=utf-8"),
        [(PAT, "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found")],
        0,
    ),
    "domino": (
        mail(DOMINO, sender="postmaster@mx.example"), [(PAT, "User pat (pat@example.net) not")], 0,
    ),
    "kddi": (mail(KDDI), [("pat@ezweb.example", "550 <pat@ezweb.example>: User unknown")], 0),
    "hmailserver": (mail(HMAIL), [(PAT, "550 5.1.1 No such user")], 0),
    "gmail in words": (mail(GMAIL), [(PAT, "550 5.1.1 The email account")], 0),
    "everybody else": (mail(OTHER), [(PAT, "550 5.7.1 Blocked by policy")], 0),
    "a header names them": (
        mail(HEADER_ONLY, X_Failed_Recipients=PAT), [(PAT, "550 5.2.1 This account")], 0,
    ),
    "the null sender": (
        mail(OTHER, sender="robot@mx.example", Return_Path="<>"), [(PAT, "550 5.7.1")], 0,
    ),
    "a report with its mail": (
        parts(("text/plain", "Sorry."), status(FAILED + "Diagnostic-Code: smtp; 550 5.1.1 no"),
              RETURNED, kind="report; report-type=delivery-status"),
        [(PAT, "smtp; 550 5.1.1 no")],
        2001070,
    ),
    "a report in base64": (
        parts(("text/plain", "Sorry."),
              ("message/delivery-status\nContent-Transfer-Encoding: base64",
               base64.b64encode(status(FAILED)[1].encode()).decode()), kind="report"),
        [(PAT, "5.1.1")],
        0,
    ),
    "a report in quoted-printable": (
        parts(("message/delivery-status\nContent-Transfer-Encoding: quoted-printable",
               quopri.encodestring(status(FAILED)[1].encode()).decode()), kind="report"),
        [(PAT, "5.1.1")],
        0,
    ),
    "a report in utf-8": (
        parts(("message/global-delivery-status", status(FAILED.replace("rfc822", "utf-8"))[1]),
              kind="report"),
        [(PAT, "5.1.1")],
        0,
    ),
    "a report that knows the original only": (
        parts(status("Original-Recipient: rfc822;pat@example.net\nAction: failed\nStatus: 5.2.2"),
              kind="report"),
        [(PAT, "5.2.2")],
        0,
    ),
    "a report about a report": (
        parts(status(FAILED), ("message/rfc822", parts(status(
            FAILED.replace("pat@", "kim@")), kind="report").replace("--b", "--c")
            .replace('"b"', '"c"')), kind="report"),
        [(PAT, "5.1.1")],
        0,
    ),
    "a report whose line ends vary": (
        parts(status(FAILED), kind="report").replace("\n", "\r\n"), [(PAT, "5.1.1")], 0,
    ),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def read(path: Path, message: str) -> tuple[list[dict[str, object]], list[str]]:
    path.write_bytes(message.encode())
    pages = list(FileSource(path, given={"account": 7000001}).pages())
    events = pa.Table.from_batches([page.events for page in pages]).to_pylist()
    return events, [bad.reason for page in pages for bad in page.quarantined]


@pytest.mark.parametrize(("message", "told", "job"), SAMPLES.values(), ids=SAMPLES.keys())
def test_who_failed_and_what_was_said_is_read(
    folder: Path, message: str, told: list[tuple[str, str]], job: int
) -> None:
    events, bad = read(folder / "x.eml", message)
    assert not bad
    assert [event["address"] for event in events] == [address for address, _ in told]
    for event, (_, reply) in zip(events, told, strict=True):
        assert str(event["reply_text"]).startswith(reply)
        assert "\n" not in str(event["reply_text"])
        assert (event["job"], event["account"]) == (job, 7000001)


def test_each_form_has_a_sample_that_only_it_reads() -> None:
    spoken = "\n".join(
        [*(message for message, _, _ in SAMPLES.values()), plain_text(EXCHANGE_HTML)]
    )
    for form in forms():
        assert any(mark in spoken.lower() for mark in form.marks), form.id
        assert form.entry.search(spoken), form.id


ARF = parts(
    ("text/plain", "This is an email abuse report."),
    ("message/feedback-report", "Feedback-Type: abuse\nOriginal-Rcpt-To: pat@example.net\n"),
    RETURNED,
    kind="report; report-type=feedback-report",
)
MDN = parts(
    ("text/plain", "Your message was displayed."),
    ("message/disposition-notification", "Final-Recipient: rfc822;pat@example.net\n"),
    kind="report; report-type=disposition-notification",
)
DELAY = """
This is a warning message only. You do not need to resend your message.

<pat@example.net>: host mx.example.net[192.0.2.1] said: 451 4.7.1 try again later
"""
OTHERS = {
    "a feedback report": (ARF, "complaint"),
    "a receipt": (MDN, "receipt"),
    "an automatic reply": (
        mail("Back on Monday.", sender="pat@example.net", Auto_Submitted="auto-replied"),
        "automatic reply",
    ),
    "an out of office note": (
        mail("550 is my desk.", sender="pat@example.net", Subject="Out of Office: News"),
        "automatic reply",
    ),
    "its japanese form": (
        mail("Away.", sender="pat@example.net",
             Subject="=?utf-8?b?" + base64.b64encode("自動返信".encode()).decode() + "?="),
        "automatic reply",
    ),
    "a delay in words": (mail(DELAY), "delayed"),
    "a delay by its subject": (mail("Wait.", Subject="Delivery Status: delayed"), "delayed"),
    "a delay by report": (
        parts(status(FAILED.replace("failed", "delayed")), kind="report"), "no failure: delayed",
    ),
    "a person's mail about a bounce": (mail(QMAIL, sender="kim@example.com"), "no bounce message"),
    "a system's riddle": (mail("Something went wrong."), "form is not known"),
}  # fmt: skip


@pytest.mark.parametrize(("message", "reason"), OTHERS.values(), ids=OTHERS.keys())
def test_what_looks_like_a_bounce_and_is_none_says_what_it_is(
    folder: Path, message: str, reason: str
) -> None:
    events, bad = read(folder / "x.eml", message)
    assert not events
    assert [reason in told for told in bad] == [True]


def test_a_mailbox_and_a_maildir_hold_all_of_them(folder: Path) -> None:
    every = [message for message, *_ in (*SAMPLES.values(), *OTHERS.values())]
    box = "".join(
        f"From MAILER-DAEMON Sun Mar  1 11:00:05 2026\n{m.replace(chr(13), '')}\n" for m in every
    )
    events, bad = read(folder / "bounces.mbox", box)
    assert len(bad) == len(OTHERS)
    assert len(events) == sum(len(told) for _, told, _ in SAMPLES.values())
    for name in ("new", "cur", "tmp"):
        (folder / "box" / name).mkdir(parents=True)
    for number, message in enumerate(every):
        (folder / "box" / "new" / f"{number}.x").write_bytes(message.encode())
    pages = list(FileSource(folder / "box", given={"account": 7000001}).pages())
    assert sum(page.events.num_rows for page in pages) == len(events)


HOSTILE = {
    "blanks without end": "<a@b.example>:" + " \n" * 50_000,
    "addresses without end": "  a@b.example\n    x\n" * 20_000,
    "half dialogues": "Recipient: <a@b.example>\n" + ">>> RCPT\n" * 20_000,
    "one long line": "<" * 90_000 + "@" * 9_000,
    "numbers": "550 " * 25_000,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_message_made_to_be_slow_is_read_like_any_other(folder: Path, body: str) -> None:
    events, bad = read(folder / "x.eml", mail(body))  # backtracking would take minutes
    assert len(events) + len(bad) >= 1


def test_html_becomes_the_lines_that_a_person_sees() -> None:
    html = "<script>var x</script><p>One<br>two &lt;a@b&gt;</p><td>three</td><style>p{}</style>x"
    assert plain_text(html).split() == ["One", "two", "<a@b>", "three", "x"]
