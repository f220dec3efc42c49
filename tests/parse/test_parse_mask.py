"""What varies goes, what decides stays, and the way back leads to the server's own words."""
# ruff: noqa: E501

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bouncelens.parse.automaton import Automaton
from bouncelens.parse.mask import canonical, masked, template_id
from bouncelens.parse.reply import read_reply
from bouncelens.parse.skeleton import keep_of

KEEP = keep_of(
    ["spamhaus.org", "google.com"],
    ["s3140", "6596", "abuse@example.org"],
    [r"ib50[1-7]", r"aup#in-\d{4}"],
)

CASES = [
    ("550 5.1.1 <Kim.Lee@Example.com>: User unknown", "550 5.1.1 <addr>: user unknown"),
    ("550 5.1.1 kim+x@example.com... User unknown", "550 5.1.1 <addr>... user unknown"),
    ("<kim@example.com>: host mx.example.com[192.0.2.1] said: 550 no such user", "550 no such user"),
    ("smtp; 550 no such user", "550 no such user"),
    # asked the sender's own server and quotes it: what was refused is the sender
    (
        "550 5.7.1 <a@b.example>: Sender address rejected: host x.example[192.0.2.1] said: 550 no user",
        "550 5.7.1 <addr>: sender address rejected: host <host>[<ip>] said: 550 no user",
    ),
    ("550 no such user (in reply to RCPT TO command)", "550 no such user"),
    ("192.0.2.1 does not like recipient. Remote host said: 550 no Giving up on 192.0.2.1.", "550 no"),
    ("Remote host said: 550 no such user Giving up on 192.0.2.1.", "550 no such user"),
    # programs that send, and what they call it
    (
        "SMTP error from remote mail server after RCPT TO:<kim@example.com>: 550 no such user",
        "550 no such user",
    ),
    ("SMTPDataError: (550, 'no such user')", "550, 'no such user')"),
    ("Invalid Addresses; nested exception is: com.example.FailedException: 550 full", "550 full"),
    ("Can't send mail - all recipients were rejected: 550 full", "550 full"),
    ('Expected response code 250 but got code "550", with message "550 full', "550 full"),
    ("550-5.1.1 no such 550 5.1.1 user", "550 5.1.1 no such user"),
    ("<bob> unknown, not <CRLF>", "<addr> unknown, not <crlf>"),
    ("rejected [192.0.2.1] and [2001:db8::1]", "rejected [<ip>] and [<ip>]"),
    ("at Mon, 12 Nov 2020 10:11:12 +0100 (CET)", "at <time>"),
    ("at 2024-06-11T08:58:06.389Z and 10:11:12", "at <time> and <time>"),
    ("queued as 4F1B23C0 after 17 days", "queued as <id> after <n> days"),
    ("blocked using zen.spamhaus.org, not bl.example.net", "blocked using zen.spamhaus.org, not <host>"),
    ("see https://example.com/a/b?ip=192.0.2.1 now", "see <url> now"),
    ("see https://support.google.com/mail/?p=NoSuchUser x1y-2", "see https://support.google.com/mail/?p=nosuchuser <id>"),
    ("see http://example.com/x.php?answer=6596 or 6597", "see http://<host>/x.php?answer=6596 or <n>"),
    ("code S3140 or S3141, IB501 or IB508, AUP#In-1310", "code s3140 or <id>, ib501 or <id>, aup#in-1310"),
    ("write to abuse@example.org", "write to abuse@example.org"),
    ("mailbox unavailable.Please go", "mailbox unavailable.please go"),
    ("用户kim@example.cn不存在", "用户<addr>不存在"),
    ("It’s “full” – really", "it's \"full\" - really"),
    ("550-kim@example.com is unknown", "550 <addr> is unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_masks_what_varies(text: str, expected: str) -> None:
    assert canonical(read_reply(text).text, KEEP) == expected


def test_evidence_leads_back_to_the_servers_words() -> None:
    text = read_reply(
        "smtp; 550-5.1.1 <Kim@Example.com> No Such 550 5.1.1 User, kim@example.com"
    ).text
    mask = masked(text)
    start = mask.text.index("no such user")
    low, high = mask.source_span(start, start + len("no such user"))
    assert text[low:high] == "No Such 550 5.1.1 User"
    start = mask.text.index("<addr> no")
    low, high = mask.source_span(start, start + len("<addr> no"))
    assert text[low:high] == "<Kim@Example.com> No"


def test_separators_are_part_of_the_template() -> None:
    assert canonical("550 5.2.2 full") != canonical("550: 5.2.2 full")


def test_template_id_is_stable_and_signed() -> None:
    assert template_id("550 user unknown", 550, None, None) == 254820540489762367
    assert template_id("550 user unknown", 550, "5.1.1", None) != template_id(
        "550 user unknown", 550, None, "5.1.1"
    )


@given(st.text(max_size=400))
def test_masking_raises_for_nothing_and_every_span_leads_back(text: str) -> None:
    words = read_reply(text).text
    mask = masked(words, KEEP)
    assert mask.text == mask.text.lower() or not mask.text.isascii()
    for start in range(0, len(mask.text), 7):
        low, high = mask.source_span(start, start + 3)
        assert 0 <= low <= high <= len(words)


def test_automaton_agrees_with_the_patterns_it_was_built_from() -> None:
    automaton = Automaton([r"s31\d{2}", r"ts(?:s)?0[1-4]", r"a+b*\d"])
    for word in ("s3140", "ts01", "tss04", "ab1", "aaabb9", "a0"):
        assert automaton.accepts(word), word
    for word in ("s314", "s31400", "ts05", "b1", "", "ä1", "a" * 50):
        assert not automaton.accepts(word), word


def test_a_pattern_that_could_match_anything_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        Automaton([r".*1"])


@pytest.mark.parametrize("tail", ["228", "512", "550", "600", "7"])
def test_an_id_that_ends_like_a_reply_code_is_still_an_id(tail: str) -> None:
    """Google's ids end in any number: hundreds of templates of one reply otherwise."""
    text = f"550 5.1.1 no such user d9443c01a7336-1f44c7b3qvb.{tail} - gsmtp"
    assert canonical(text) == "550 5.1.1 no such user <id>.<n> - gsmtp"
