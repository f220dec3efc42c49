"""Strangers' bytes against every reader, for as long as asked: files, zips, SOAP, ENS, DSNs.

Good samples are cut, doubled, joined and sprinkled. A reader may refuse in its own words and may
set rows aside; anything else – another exception, a lost row – is a finding and ends the run.
"""

from __future__ import annotations

import io
import json
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from bouncelens.errors import BouncelensError

if TYPE_CHECKING:
    import argparse

_HEAD = "ClientID,SendID,SubscriberKey,EmailAddress,EventDate,BounceReason,BatchID,SMTPCode"
_ROWS = (
    '7,1,k1,a@example.com,1/5/2026 7:00:00 PM,"550 5.1.1 no, ""really"" no",2,550\r\n'
    '7,1,k2,ü@example.com,1/5/2026 7:00:01 PM,"452 4.2.2\r\nfull",2,452\r\n'
)
_CSV = f"{_HEAD}\r\n{_ROWS}"
_SOAP = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><RetrieveResponseMsg '
    'xmlns="http://exacttarget.com/wsdl/partnerAPI"><OverallStatus>OK</OverallStatus><Results>'
    "<Client><ID>7</ID></Client><SendID>1</SendID><SubscriberKey>k&#x1;&amp;</SubscriberKey>"
    "<EventDate>2026-01-05T19:00:00</EventDate><SMTPReason>550 &lt;a@b&gt; no</SMTPReason>"
    "</Results></RetrieveResponseMsg></s:Body></s:Envelope>"
)
_EVENT = {
    "eventCategoryType": "TransactionalSendEvents.EmailBounced",
    "timestampUTC": 1583849944000,
    "composite": {"jobId": "1", "batchId": "2", "listId": "3", "subscriberId": "4"},
    "definitionKey": "k",
    "mid": 7,
    "info": {"to": "a@example.com", "subscriberKey": "k", "bounceMessage": "550 no"},
}
_DSN = (
    "From: MAILER-DAEMON@mx.example\nDate: Sun, 1 Mar 2026 11:00:05 +0100\nMIME-Version: 1.0\n"
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\n'
    "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
    "<pat@example.net>:\n550 =C3=BC no\n\n--b\nContent-Type: message/delivery-status\n\n"
    "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; pat@example.net\nAction: failed\n"
    "Status: 5.1.1\nDiagnostic-Code: smtp; 550 no\n\n--b\nContent-Type: text/rfc822-headers\n\n"
    "X-Job: 7000001_2001070\n\n--b--\n"
)
_BITES = [
    *(b'"', b",", b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\t", b";"),
    *(b"<", b">", b"&", b"]]>", b"<!DOCTYPE a [", b"&#0;", b"{", b"}", b"[", b"null", b"1e999"),
    *(b"=?utf-8?b?", b"--b\n", b"Content-Type: ", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"-" * 99),
    *(b"9" * 40, b"2026-13-45", b"PK\x03\x04", b"PAR1", b"From x Sun Mar  1 11:00:05 2026\n"),
]


def _zip(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Bounces.csv", content)
        archive.writestr("Unsubs.csv", content)
    return out.getvalue()


def read_file(data: bytes) -> None:
    """Every kind of file: all that it holds."""
    import pyarrow as pa

    from bouncelens.extract.files import FileSource

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any"
        path.write_bytes(data)
        source = FileSource(path, given={"account": 7, "job": 1})
        for page in source.pages():
            page.events.validate(full=True)
            assert all(len(bad.raw) <= 2000 and bad.reason for bad in page.quarantined)
        source.sends()
        source.jobs()
        source.people(pa.array([], pa.string()))
        source.not_sent()


def read_soap(data: bytes) -> None:
    """A SOAP answer."""
    from bouncelens.extract.envelope import Unreadable, read_answer

    try:
        read_answer(data)
    except Unreadable:
        return


def read_ens(data: bytes) -> None:
    """A batch of events, a verification, a signature, a segment of the spool."""
    from bouncelens.extract.events import is_signed, read_letters, read_verification
    from bouncelens.extract.spool import Letter, letters

    heard = read_letters([Letter(7, 1583849945000, data)])
    heard.page.events.validate(full=True)
    said = heard.page.events.num_rows + len(heard.page.quarantined) + sum(heard.others.values())
    assert said or data.strip(b"\xef\xbb\xbf \t\r\n")[:1] == b"["
    read_verification(data)
    is_signed(data, data[:60].decode("latin-1"), data[:44].decode("latin-1"))
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        list(letters(Path(file.name)))


TARGETS: dict[str, tuple[Callable[[bytes], None], tuple[bytes, ...]]] = {
    "file": (
        read_file,
        (
            _CSV.encode(),
            _CSV.encode("utf-16"),
            _CSV.replace(",", "\t").encode(),
            _zip(_CSV.encode("utf-16")),
            b'{"SendID": 1, "SubscriberKey": "k", "EventDate": "2026-01-05 19:00:00", "Reason": 1}',
            b"JobID,Domain,SendDay,Sent\n1,example.com,2026-01-05,7\n",
        ),
    ),
    "soap": (read_soap, (_SOAP.encode(), _SOAP.encode("utf-16"))),
    "ens": (
        read_ens,
        (
            json.dumps([_EVENT, _EVENT]).encode(),
            b'{"callbackId": "0b6c3f2e-4b5a-4c0f-9a53-2f1d5e7c8a90", "verificationKey": "k"}',
            b"bouncelens1 7 1583849945000 2 " + b"4f" * 32 + b"\n[]\n",
        ),
    ),
    "dsn": (
        read_file,
        (
            _DSN.encode(),
            _DSN.replace("\n", "\r\n").encode(),
            b"From x Sun Mar  1 11:00:05 2026\n" + _DSN.encode() * 2,
        ),
    ),
}


@st.composite
def mutated(draw: st.DrawFn, samples: tuple[bytes, ...]) -> bytes:
    """A sample with some of it cut, doubled, replaced or put elsewhere."""
    data = draw(st.sampled_from(samples))
    for _ in range(draw(st.integers(0, 6))):
        at, to = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        bite = draw(st.one_of(st.sampled_from(_BITES), st.binary(max_size=8)))
        data = draw(
            st.sampled_from(
                (
                    data[:at] + bite + data[at:],
                    data[:at] + bite + data[at + len(bite) :],
                    data[:at] + data[to:],
                    data[:to] + data[at:],
                    data[at:to] + data[:at] + data[to:],
                    data + bite * 3,
                )
            )
        )[:200_000]
    return data


def examples(name: str, count: int, *, start: int = 0) -> None:
    """So many mutated samples for one target. Raises what a reader should not have raised."""
    target, samples = TARGETS[name]

    @seed(start)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(data=mutated(samples))
    def check(data: bytes) -> None:
        try:
            target(data)
        except BouncelensError as error:
            if "\n" in str(error):
                raise ValueError("an error of more than one line") from error

    check()


def run(arguments: argparse.Namespace) -> int:
    """Until the minutes are over: each target in turn, from another seed each time."""
    end, rounds = time.monotonic() + 60 * arguments.minutes, 0
    counts = dict.fromkeys(TARGETS, 0)
    while time.monotonic() < end:
        for name in TARGETS:
            try:
                examples(name, 200, start=arguments.seed + rounds)
            except Exception:
                traceback.print_exc()
                print(f"{name}, seed {arguments.seed + rounds}: see above")
                return 1
            counts[name] += 200
        rounds += 1
    told = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    print(f"{sum(counts.values()):,} inputs in {arguments.minutes:g} minutes, no finding ({told})")
    return 0
