"""The SOAP route against answers that a real tenant, or an enemy, may give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from told_server import HASTY, Said, Told

from bouncelens.bounce import Account, Page, Window
from bouncelens.errors import BouncelensError, PageLost, SignInRefused, SourceError
from bouncelens.extract.envelope import Ask, OneOf, Unreadable, read_answer, write_retrieve
from bouncelens.extract.signin import SignIn
from bouncelens.extract.soap import SoapSource
from bouncelens.extract.wire import Wire
from bouncelens.settings import SoapSettings

UNIT = Account(7000001, "Shop")
DAY = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
SOAP = "/Service.asmx"
HEAD = (
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soap:Header/><soap:Body>'
)
TAIL = "</soap:Body></soap:Envelope>"


def bounce(number: int, *, reason: str = "550 5.1.1 no such user", more: str = "") -> str:
    return (
        '<Results xsi:type="BounceEvent"><Client><ID>7000001</ID></Client>'
        '<PartnerKey xsi:nil="true" /><ObjectID xsi:nil="true" />'
        f"<SendID>2001070</SendID><SubscriberKey>key-{number}</SubscriberKey>{more}"
        "<EventDate>2026-03-01T10:00:00.123</EventDate><EventType>HardBounce</EventType>"
        f"<BatchID>4153</BatchID><SMTPCode>550</SMTPCode><SMTPReason>{escape(reason)}</SMTPReason>"
        "<BounceCategory>Hard bounce</BounceCategory><BounceType>immediate</BounceType></Results>"
    )


def page(*rows: str, status: str = "OK", request: str = "r-1") -> Said:
    body = (
        f'{HEAD}<RetrieveResponseMsg xmlns="http://exacttarget.com/wsdl/partnerAPI">'
        f"<OverallStatus>{status}</OverallStatus><RequestID>{request}</RequestID>"
        f"{''.join(rows)}</RetrieveResponseMsg>{TAIL}"
    )
    return Said(body=body.encode())


def fault(code: str, text: str, detail: str = "") -> Said:
    body = (
        f'{HEAD}<soap:Fault><faultcode xmlns:q0="urn:x">{code}</faultcode>'
        f"<faultstring>{text}</faultstring><detail>{detail}</detail></soap:Fault>{TAIL}"
    )
    return Said(500, body.encode())


def apifault(number: int, message: str) -> str:
    return (
        '<apifault xmlns="urn:fault.partner.exacttarget.com">'
        f"<Code>{number}</Code><Message>{message}</Message></apifault>"
    )


@pytest.fixture
def soap(sign_in: SignIn, wire: Wire) -> SoapSource:
    return SoapSource(sign_in, wire, settings=SoapSettings(window_hours=24), patience=HASTY)


def keys(pages: list[Page]) -> list[str]:
    return [key for page in pages for key in page.events["subscriber_key"].to_pylist()]


def asked(told: Told, path: str) -> list[str | None]:
    """The text at a path of local names in each SOAP request."""
    steps = "//".join(f"*[local-name()='{name}']" for name in path.split("/"))
    return [
        found[0].text if (found := etree.fromstring(a.body.encode()).xpath(f"//{steps}")) else None
        for a in told.asked_of(SOAP)
    ]


def test_reads_a_page_by_name_whatever_else_is_in_it(told: Told, soap: SoapSource) -> None:
    odd = "<IsPlatformObject>false</IsPlatformObject><Deep><A><B>1</B></A></Deep>"
    told.say(SOAP, page(bounce(1, more=odd)))
    (got,) = soap.fetch(UNIT, DAY)
    (event,) = got.events.to_pylist()
    assert event["event_time"] == datetime(2026, 3, 1, 16, 0, 0, tzinfo=UTC)
    assert event["reply_text"] == "550 5.1.1 no such user"
    assert (event["account"], event["job"], event["batch"]) == (7000001, 2001070, 4153)
    assert (event["sfmc_code"], event["sfmc_type"], event["route"]) == (550, "immediate", "soap")
    assert got.through == DAY.end


def test_asks_for_a_half_open_window_on_sfmcs_clock(told: Told, soap: SoapSource) -> None:
    told.say(SOAP, page())
    (got,) = soap.fetch(UNIT, DAY)
    assert got.events.num_rows == 0
    assert got.through == DAY.end
    (body,) = [a.body for a in told.asked_of(SOAP)]
    assert "greaterThanOrEqual</SimpleOperator><DateValue>2026-02-28T18:00:00<" in body
    assert "lessThan</SimpleOperator><DateValue>2026-03-01T18:00:00<" in body
    assert '<fueloauth xmlns="http://exacttarget.com">token-1</fueloauth>' in body


def test_follows_the_newest_request_until_there_is_no_more(told: Told, soap: SoapSource) -> None:
    told.say(
        SOAP,
        page(bounce(1), status="MoreDataAvailable", request="r-1"),
        page(bounce(2), status="MoreDataAvailable", request="r-2"),
        page(bounce(3), status="OK", request="r-3"),
    )
    pages = list(soap.fetch(UNIT, DAY))
    assert keys(pages) == ["key-1", "key-2", "key-3"]
    assert asked(told, "ContinueRequest") == [None, "r-1", "r-2"]
    assert [p.through for p in pages] == [None, None, DAY.end]


def test_a_wide_window_is_asked_in_pieces_oldest_first(
    told: Told, sign_in: SignIn, wire: Wire
) -> None:
    told.say(SOAP, page(*[bounce(n) for n in range(10)]))
    wide = Window(DAY.start, DAY.start + timedelta(hours=60))
    full = SoapSource(sign_in, wire, settings=SoapSettings(window_hours=24, batch_size=10))
    ends = [p.through for p in full.fetch(UNIT, wide)]
    assert ends == [DAY.start + timedelta(hours=h) for h in (24, 48, 60)]


def test_pieces_with_little_in_them_grow(told: Told, soap: SoapSource) -> None:
    told.say(SOAP, page(bounce(1)))
    month = Window(DAY.start, DAY.start + timedelta(days=30))
    ends = [p.through for p in soap.fetch(UNIT, month)]
    assert ends == [DAY.start + timedelta(days=d) for d in (1, 3, 7, 15, 30)]


def test_a_page_lost_midway_starts_its_window_over(told: Told, soap: SoapSource) -> None:
    """The continuation may have moved on without us, so it must not be used twice."""
    first = page(bounce(1), status="MoreDataAvailable", request="r-1")
    lost = page(bounce(2), status="OK")
    told.say(SOAP, first, Said(200, lost.body, cut=200), first, page(bounce(2)))
    pages = list(soap.fetch(UNIT, DAY))
    assert keys(pages) == ["key-1", "key-1", "key-2"]
    assert asked(told, "ContinueRequest") == [None, "r-1", None, "r-1"]
    assert [p.through for p in pages] == [None, None, DAY.end]


def test_a_window_that_is_too_much_is_halved(told: Told, soap: SoapSource) -> None:
    told.say(SOAP, page(status="Error: Timeout expired."), page(bounce(1)), page(bounce(2)))
    pages = list(soap.fetch(UNIT, DAY))
    assert [p.through for p in pages] == [DAY.start + timedelta(hours=12), DAY.end]


def test_an_answer_larger_than_the_limit_halves_the_window(told: Told, soap: SoapSource) -> None:
    told.say(SOAP, Said(body=b"<a>" + b"x" * 1_100_000), page(bounce(1)))
    assert [p.through for p in soap.fetch(UNIT, DAY)] == [
        DAY.start + timedelta(hours=12),
        DAY.end,
    ]


def test_a_continuation_that_ended_starts_the_window_over(told: Told, soap: SoapSource) -> None:
    ended = "Error: The RequestID sent through ContinueRequest does not exist."
    first = page(bounce(1), status="MoreDataAvailable")
    told.say(SOAP, first, page(status=ended), first, page(bounce(2)))
    assert keys(list(soap.fetch(UNIT, DAY))) == ["key-1", "key-1", "key-2"]


@pytest.mark.parametrize(
    "expired",
    [fault("q0:Security", "Token Expired"), fault("q0:Security", "Login failed"), Said(401)],
    ids=["expired", "login failed", "401"],
)
def test_an_expired_token_is_renewed_once(told: Told, soap: SoapSource, expired: Said) -> None:
    told.say(SOAP, expired, page(bounce(1)))
    assert keys(list(soap.fetch(UNIT, DAY))) == ["key-1"]
    assert asked(told, "fueloauth") == ["token-1", "token-2"]


def test_a_new_token_refused_too_is_a_refusal(told: Told, soap: SoapSource) -> None:
    told.say(SOAP, fault("q0:Security", "Token Expired"))
    with pytest.raises(SignInRefused, match="Token Expired"):
        list(soap.fetch(UNIT, DAY))
    assert len(told.asked_of(SOAP)) == 2


TRY_AGAIN = {
    "outage": fault("soap:Server", "Unplanned Outage", apifault(2, "Unplanned Outage")),
    "maintenance": fault("soap:Server", "x", apifault(9, "InMaintenance")),
    "429": Said(429, b"", {"Retry-After": "0"}),
    "503": Said(503, b"<html>busy</html>"),
    "502": Said(502, b"<html>bad gateway</html>"),
    "500 from a machine in between": Said(500, b"<html>oops"),
    "no XML at all": Said(200, b"<html><p>sorry"),
    "XML of something else": Said(200, b"<ok/>"),
    "an error nobody knows": page(status="Error: Object reference not set to an instance."),
}


@pytest.mark.parametrize("trouble", TRY_AGAIN.values(), ids=TRY_AGAIN.keys())
def test_trouble_that_passes_is_waited_out(told: Told, soap: SoapSource, trouble: Said) -> None:
    told.say(SOAP, trouble, page(bounce(1)))
    assert keys(list(soap.fetch(UNIT, DAY))) == ["key-1"]


@pytest.mark.parametrize("trouble", TRY_AGAIN.values(), ids=TRY_AGAIN.keys())
def test_trouble_that_stays_is_an_error_in_the_end(
    told: Told, soap: SoapSource, trouble: Said
) -> None:
    told.say(SOAP, trouble)
    with pytest.raises(SourceError, match="account 7000001") as caught:
        list(soap.fetch(UNIT, DAY))
    assert len(told.asked_of(SOAP)) == HASTY.attempts
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (page(status="Error: API Permission Failed. Object type: BounceEvent"), SignInRefused),
        (fault("soap:Server", "x", apifault(11, "AuthorizationFailure")), SignInRefused),
        (page(status="Error: Unable to find a handler for object type: Foo."), SourceError),
        (fault("soap:Client", "Server did not recognize the value of SOAPAction"), SourceError),
        (fault("soap:Server", "x", apifault(8, "UnsupportedObject")), SourceError),
        (Said(404, b""), SourceError),
        (Said(302, b"", {"Location": "http://127.0.0.1:1/"}), SourceError),
    ],
    ids=["scope", "authorization", "object", "client", "unsupported", "404", "redirect"],
)
def test_trouble_that_cannot_pass_is_an_error_at_once(
    told: Told, soap: SoapSource, answer: Said, error: type[Exception]
) -> None:
    told.say(SOAP, answer)
    with pytest.raises(error):
        list(soap.fetch(UNIT, DAY))
    assert len(told.asked_of(SOAP)) == 1


def test_a_property_this_tenant_lacks_is_asked_for_once(told: Told, soap: SoapSource) -> None:
    lacks = (
        "Error: The Request Property(s) Client.ID , TriggeredSendDefinitionObjectID do not match "
        "with the fields of BounceEvent retrieve"
    )
    told.say(SOAP, page(status=lacks), page(bounce(1)))
    (got,) = soap.fetch(UNIT, DAY)
    assert got.events["account"].to_pylist() == [UNIT.mid]
    list(soap.fetch(UNIT, DAY))
    assert ["Client.ID" in a.body for a in told.asked_of(SOAP)] == [True, False, False]


def test_no_rows_were_found_is_no_error(told: Told, soap: SoapSource) -> None:
    told.say(SOAP, page(status="No rows were found"))
    (got,) = soap.fetch(UNIT, DAY)
    assert (got.events.num_rows, got.through) == (0, DAY.end)


def test_a_row_that_lacks_its_identity_is_set_aside_and_the_others_arrive(
    told: Told, soap: SoapSource
) -> None:
    broken = bounce(2).replace("2026-03-01T10:00:00.123", "yesterday")
    told.say(SOAP, page(bounce(1), broken, bounce(3)))
    (got,) = soap.fetch(UNIT, DAY)
    assert got.events["subscriber_key"].to_pylist() == ["key-1", "key-3"]
    (bad,) = got.quarantined
    assert bad.source == "SOAP BounceEvent, account 7000001"
    assert bad.reason == "event_time is not a time with seconds: 'yesterday'"
    assert "key-2" in bad.raw


def test_more_that_never_comes_is_an_error_and_no_endless_loop(
    told: Told, soap: SoapSource
) -> None:
    told.say(SOAP, page(status="MoreDataAvailable"))
    with pytest.raises(SourceError, match="promises more rows"):
        list(soap.fetch(UNIT, DAY))


def test_control_characters_that_xml_forbids_cost_no_page(told: Told, soap: SoapSource) -> None:
    rows = bounce(1).replace("no such user", "no&#x1;such&#0;\x08user")
    told.say(SOAP, page(rows, bounce(2)))
    (got,) = soap.fetch(UNIT, DAY)
    assert got.events["reply_text"][0].as_py() == "550 5.1.1 no\ufffdsuch\ufffd\ufffduser"
    assert got.events.num_rows == 2


BOMBS = {
    "entities that grow": b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">'.encode() for n in range(1, 12))
    + b"]><a>&a11;</a>",
    "a file from here": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
    "a DTD from elsewhere": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>',
    "parameter entities": b'<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/hostname"> %x;]><a/>',
    "a well": b"<a>" * 100_000,
    "utf-16": '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'.encode("utf-16"),
    "nothing": b"",
    "noise": bytes(range(256)),
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS.keys())
def test_hostile_xml_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_answer(body)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(at=st.integers(0, 2000), gap=st.integers(0, 30), noise=st.binary(max_size=20))
def test_any_answer_is_read_or_refused_by_name(
    told: Told, soap: SoapSource, at: int, gap: int, noise: bytes
) -> None:
    good = page(bounce(1), bounce(2)).body
    told.say(SOAP, Said(body=good[: at % len(good)] + noise + good[at % len(good) + gap :]))
    try:
        pages = list(soap.fetch(UNIT, DAY))
    except BouncelensError:
        return
    assert sum(p.events.num_rows + len(p.quarantined) for p in pages) <= 2


@given(st.text(), st.text())
def test_whatever_is_asked_is_well_formed(token: str, key: str) -> None:
    safe = "".join(c for c in token if c.isprintable())
    body = write_retrieve(Ask("Subscriber", ("A",), OneOf("Key", (key, "b"))), safe, None)
    values = [e.text for e in etree.fromstring(body).iter() if str(e.tag).endswith("}Value")]
    assert values[1] == "b"


def test_jobs_carry_sfmcs_own_totals(told: Told, soap: SoapSource) -> None:
    send = (
        "<Results><Client><ID>7000001</ID></Client><ID>2001070</ID><EmailName>spring</EmailName>"
        "<Subject>Hi</Subject><FromAddress>a@b.example</FromAddress>"
        "<SentDate>2026-03-01T02:00:00</SentDate><NumberSent>96000</NumberSent>"
        "<NumberDelivered>95588</NumberDelivered><HardBounces>400</HardBounces>"
        "<SoftBounces>10</SoftBounces><OtherBounces>2</OtherBounces></Results>"
    )
    told.say(SOAP, page(send, send))
    (job,) = soap.jobs(UNIT, DAY).to_pylist()
    assert (job["job"], job["email_name"], job["number_sent"]) == (2001070, "spring", 96000)
    assert job["sent_time"] == datetime(2026, 3, 1, 8, tzinfo=UTC)
    told.say(SOAP, page(send.replace("96000", "many")))
    with pytest.raises(SourceError, match="number_sent is not a whole number"):
        soap.jobs(UNIT, DAY)


def test_addresses_are_asked_for_many_keys_at_once_and_fewer_when_refused(
    told: Told, soap: SoapSource
) -> None:
    row = "<SubscriberKey>k1</SubscriberKey><EmailAddress>a@b.example</EmailAddress>"
    refused = page(status="Error: Incorrect syntax near the keyword 'IN'")
    told.say(SOAP, refused, page(f"<Results>{row}</Results>"), page())
    assert soap.addresses(UNIT, [f"k{n}" for n in range(300)]) == {"k1": "a@b.example"}
    sizes = [a.body.count("<Value>") for a in told.asked_of(SOAP)]
    assert sizes == [300, 250, 50]
    told.say(SOAP, refused)
    with pytest.raises(SourceError):
        soap.addresses(UNIT, ["k1"])


def test_a_page_that_is_lost_for_ever_is_an_error(told: Told, soap: SoapSource) -> None:
    told.say(SOAP, Said(200, page(bounce(1)).body, cut=100))
    with pytest.raises(PageLost) as caught:
        list(soap.fetch(UNIT, DAY))
    assert caught.value.exit_code == 5
