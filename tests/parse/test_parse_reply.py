"""What `read_reply` makes of the forms in which replies arrive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bouncelens.parse.reply import read_reply

CODES = [
    pytest.param("550 5.1.1 no such user", 550, "5.1.1", id="both"),
    pytest.param("user unknown", None, None, id="words only"),
    pytest.param("550 no such user", 550, None, id="code only"),
    pytest.param("5.1.1 no such user", None, "5.1.1", id="status only"),
    pytest.param("smtp; 452 4.2.2 full", 452, "4.2.2", id="DSN prefix"),
    pytest.param("smtp;550 5.1.1 unknown", 550, "5.1.1", id="DSN prefix without a space"),
    pytest.param("550-5.1.1 no such\r\n550 5.1.1 user", 550, "5.1.1", id="two lines"),
    pytest.param("550-no such 550 user", 550, None, id="two lines flattened"),
    pytest.param("sorry, no mailbox here by that name (#5.1.1)", None, "5.1.1", id="qmail"),
    pytest.param(
        "host mx.example.com[192.0.2.1] said: 550 5.7.1 no (in reply to RCPT TO command)",
        550,
        "5.7.1",
        id="Postfix",
    ),
    pytest.param("Remote host said: 554 no", 554, None, id="said"),
    pytest.param("5.0.0 (undefined) smtp; 550 5.1.1 unknown", 550, "5.1.1", id="vague first"),
    pytest.param("more than 500 messages per hour", None, None, id="a number is no code"),
    pytest.param("192.0.2.1 and 5.1.1.7 are addresses", None, None, id="an address is no status"),
    pytest.param("<kim-550@example.com> unknown", None, None, id="nor is part of an address"),
    pytest.param("running Postfix 2.5.1", None, None, id="nor is a version"),
    pytest.param("999 9.9.9 no", None, None, id="out of range"),
    pytest.param("", None, None, id="nothing"),
]


@pytest.mark.parametrize(("text", "code", "status"), CODES)
def test_reads_codes(text: str, code: int | None, status: str | None) -> None:
    reply = read_reply(text)
    assert (reply.code, reply.enhanced_status) == (code, status)


def test_a_hint_counts_only_where_the_text_has_no_code() -> None:
    assert read_reply("unknown", code=550, status="5.1.1").enhanced_status == "5.1.1"
    reply = read_reply("452 4.2.2 full", code=550, status="5.1.1")
    assert (reply.code, reply.enhanced_status) == (452, "4.2.2")
    assert read_reply("unknown", code=9, status="nonsense").code is None


def test_lines_are_told_apart_also_where_they_were_joined() -> None:
    assert read_reply("550-5.1.1 no such 550 5.1.1 user").lines == (
        "550-5.1.1 no such 550 5.1.1 user",
    )
    assert read_reply("550-5.1.1 a 550-5.1.1 b").lines == ("550-5.1.1 a", "550-5.1.1 b")
    assert read_reply("550-a\n550 b").lines == ("550-a", "550 b")


def test_names_the_host_that_spoke() -> None:
    reply = read_reply("<x@y.example>: host MX1.Example.com[192.0.2.1] said: 550 no")
    assert reply.receiving_host == "mx1.example.com"


def test_facts_are_what_the_words_name() -> None:
    facts = read_reply(
        "550 5.7.1 [198.51.100.7] mail from kim@shop.example blocked (S3140), see "
        "https://sender.office.com/x?ip=198.51.100.7. or mx.example.org [2001:db8::1]"
    ).facts
    assert facts.ips == ("198.51.100.7", "2001:db8::1")
    assert facts.addresses == ("kim@shop.example",)
    assert facts.urls == ("https://sender.office.com/x?ip=198.51.100.7",)
    assert facts.hosts == ("mx.example.org",)
    assert facts.vendor_codes == ("S3140",)


VENDOR_CODES = (
    "S8002 IPBL1000 AUP#CXBL AUP#IPBL0001 AUP#In-1310 LIB_102 RCP-P1 POL-P3 HL:REP WM:BLI "
    "ES000001 DT:SPM TSS04 OU-001 IB607 OFR_506 LPN007_510 HM08 5.7.515"
)


@pytest.mark.parametrize("code", VENDOR_CODES.split())
def test_a_code_that_a_vendor_documents_is_picked_out(code: str) -> None:
    assert code in read_reply(f"554 mx.example.com [{code}] no").facts.vendor_codes
    assert code not in read_reply(f"554 x{code}x no").facts.vendor_codes


BYTES = [
    pytest.param("größe überschritten".encode()[:-1], "größe überschritte", id="whole letters"),
    pytest.param("grö".encode()[:-1], "gr", id="cut inside a letter"),
    pytest.param("größe".encode("latin-1"), "größe", id="Latin-1"),
    pytest.param("größe".encode().decode("latin-1").encode(), "größe", id="encoded twice"),
    pytest.param(b"a\x00b\x1b[31mred\x1b[0m\x07", "a bred", id="controls and escapes"),
    pytest.param("us\u200ber \u202eevil".encode(), "user evil", id="invisible characters"),
    pytest.param(b"&lt;kim@example.com&gt; unknown", "<kim@example.com> unknown", id="HTML"),
]


@pytest.mark.parametrize(("raw", "text"), BYTES)
def test_repairs_what_carriers_do_to_text(raw: bytes, text: str) -> None:
    assert read_reply(raw).text == text


def test_says_when_a_text_was_cut() -> None:
    assert read_reply("grö".encode()[:-1]).is_truncated
    assert read_reply("x" * 5000).is_truncated
    assert len(read_reply("x" * 5000).text) == 4000
    assert not read_reply("550 no").is_truncated


@given(st.one_of(st.binary(max_size=9000), st.text(max_size=5000)))
def test_no_input_raises(raw: bytes | str) -> None:
    reply = read_reply(raw)
    assert "\n" not in reply.text
    assert "\x1b" not in reply.text
