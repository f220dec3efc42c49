"""Both tiers of fingerprints: equal prints mean equal skeletons, what varies gives equal ones."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bouncelens.parse.fingerprint import Fingerprints, compiled_kernel, keep_table, skeleton
from bouncelens.parse.mask import masked
from bouncelens.parse.reply import words_of
from bouncelens.parse.skeleton import Keep, keep_of

HOSTS = ["spamhaus.org", "google.com", "att.net", "163.com"]
KEEP = keep_of(
    HOSTS,
    ["s3140", "6596", "abuse@example.org", "rp-001", "16"],
    [r"ib50[1-7]", r"aup#in-\d{4}", r"ts[0-9]+"],
)
TIERS = [
    pytest.param(False, id="portable"),
    pytest.param(
        True,
        id="compiled",
        marks=pytest.mark.skipif(compiled_kernel() is None, reason="built without a compiler"),
    ),
]
# fmt: off
BITS = [
    "550", "5.1.1", "452-4.2.2", "550-", "5.7.1-x", "5.1.1.", "250", "1.2.3.4", "5.6.7.250",
    "1.2.3.4.5", "::1", "2001:db8::1", "10:11:12", "a:b:c", "kim@example.com", "7kim@x.de",
    "550-kim@x.de", "k@x.de...user", "@x.org", "k@x-y.co.uk:", "abuse@example.org",
    "mx1.example.com", "zen.spamhaus.org", "1.2.spamhaus.org", "x.google.com.", "a.b", "foo.bar",
    "mail.de-x", "s3140", "s3141", "S3140.83", "rp-001", "rp-777", "rp‐001", "ib501", "IB509",
    "aup#in-1234", "ts04", "ts", "16", "17", "6596", "4F1B23C0", "x1-20020a.83", "x1.550",
    "user", "unknown", "Unavailable.Please", "&lt;a@b.com&gt;", "&#39;", "&amp;x", "&nbsp;",
    "don’t", "größe", "不存在", "kim@例.cn", "u\u212a5", "12\u200b3", "\xad", "\x1b[31mred", "\x07",
    "`", "\t", "\r\n", "<bob>", "[x]", "https://www.spamhaus.org/q?ip=1.2.3.4",
    "2a01:111:f403:2415::5", "ipv6:2001:db8:0:1:1:1:1:1.", "1:2:3:4:5:6:7:8:9", "::",
    "\x10", "\x03",
    "mail-qk1-f172.google.com", "a1.b2.c3.d4.google.com", "mx1.163.com", "163.com", "126.com",
    "http://a.com/b1", "#5.1.1", "(#4.4.1)", "dsn=5.7.1", "v1.2", "xn--p1ai.xn--p1ai",
]
# fmt: on


def texts(count: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    joints = ["", " ", " ", " ", "  ", ":", "/", "-", ".", "<", ">", ";", ", "]
    made = []
    for _ in range(count):
        parts = []
        for _ in range(chance.randint(1, 9)):
            bit = chance.choice(BITS)
            if chance.random() < 0.4:
                bit = "".join(str(chance.randrange(10)) if c.isdigit() else c for c in bit)
            parts += [bit, chance.choice(joints)]
        made.append("".join(parts))
    return made


# labels with digits before the last two, and codes with dots
DEEP = keep_of([*HOSTS, "b2.163.com"], ["5.9", "x1.y", "s3140"], [])


@pytest.mark.parametrize("keep", [KEEP, DEEP, Keep()], ids=["keep", "deep", "nothing"])
@pytest.mark.parametrize("compiled", TIERS)
def test_equal_prints_mean_equal_skeletons(compiled: bool, keep: Keep) -> None:
    prints = Fingerprints(keep, compiled=compiled)
    seen: dict[int, str] = {}
    made = texts(15_000, 7)
    for text, value in zip(made, prints.of(pa.array(made)).tolist(), strict=True):
        bones = skeleton(text, keep)
        assert seen.setdefault(value, bones) == bones, text


@pytest.mark.parametrize("compiled", TIERS)
def test_pieces_of_any_length_have_the_prints_of_their_skeletons(compiled: bool) -> None:
    prints = Fingerprints(KEEP, compiled=compiled)
    chance = random.Random(15)
    seen: dict[int, str] = {}
    made = []
    for text in texts(8000, 16):
        size = chance.choice([chance.randint(1, 130), 56, 57, 64, 999, 1000, 1001])
        long = chance.choice(
            ["k" * size + "@x.de", "1" * size + ".5", "." * size, "x" * size + "1", "1:" * 7 + "1",
             "mx." * (size // 3) + "de", "#" * size + "5", "a.1" * (size // 3), "5.1" + "." * size]
        )  # fmt: skip
        made.append(text[: chance.randint(0, 70)] + chance.choice(["", " ", ":"]) + long)
    for text, value in zip(made, prints.of(pa.array(made)).tolist(), strict=True):
        bones = skeleton(text, KEEP)
        assert seen.setdefault(value, bones) == bones, text


@pytest.mark.parametrize("compiled", TIERS)
def test_what_varies_gives_equal_prints(compiled: bool) -> None:
    prints = Fingerprints(KEEP, compiled=compiled)
    form = (
        "550 5.1.1 <{0}@{1}.example.com>: host mx{2}.{1}.net [{3}.7.250.9] id {4:X}A after {2} days"
    )
    made = [
        form.format(f"kim.{n}x", f"d{n}", n % 97, n % 200 + 1, n * 7919) for n in range(1000, 1500)
    ]
    assert len(set(prints.of(pa.array(made)).tolist())) <= 6


@pytest.mark.parametrize("compiled", TIERS)
def test_invisible_characters_and_new_addresses_cost_no_second_look(compiled: bool) -> None:
    prints = Fingerprints(KEEP, compiled=compiled)
    forms = ["550 us\u200ber <{0}@x.de>\u200f unknown", "550 user [2a01:111:f403:{0}::5] unknown"]
    for form in forms:
        made = [form.format(f"a{n}" if "@" in form else f"{n:x}") for n in range(50)]
        assert len(set(prints.of(pa.array(made)).tolist())) == 1
    hidden = pa.array(["550 us\u200ber <a@x.de>\u200f unknown", "550 user <b@x.de> unknown"])
    assert len(set(prints.of(hidden).tolist())) == 1


@pytest.mark.parametrize("compiled", TIERS)
def test_salts_tell_equal_texts_apart(compiled: bool) -> None:
    prints = Fingerprints(KEEP, compiled=compiled)
    column = pa.array(["550 no"] * 4 + ["551 no"])
    salted = prints.of(column, np.array([1, 2, 1, 3, 1], np.uint64)).tolist()
    assert salted[0] == salted[2]
    assert len({salted[0], salted[1], salted[3], salted[4]}) == 4
    assert 0 not in salted


@pytest.mark.skipif(compiled_kernel() is None, reason="built without a compiler")
def test_the_kernel_writes_the_skeleton_that_python_writes() -> None:
    kernel, table = compiled_kernel(), keep_table(KEEP)
    for text in texts(15_000, 8):
        bones = kernel.skeleton(text.encode(), table)
        if text.isascii() and bones is not None:
            assert bones.decode() == skeleton(text, KEEP), text


@pytest.mark.skipif(compiled_kernel() is None, reason="built without a compiler")
def test_a_text_that_was_read_is_masked_alike_in_both_ways() -> None:
    prints, asked = Fingerprints(KEEP), []

    def quickly(plain: str) -> str | None:
        asked.append(prints.skeleton(plain))
        return asked[-1]

    for text in texts(5000, 9):
        words = words_of(text)[0]
        assert masked(words, KEEP, quickly=quickly) == masked(words, KEEP), text
    assert 0 < asked.count(None) < len(asked) / 2


@pytest.mark.skipif(compiled_kernel() is None, reason="built without a compiler")
def test_the_kernel_s_quick_way_writes_what_its_slow_way_writes() -> None:
    kernel, table = compiled_kernel(), keep_table(KEEP)
    chance = random.Random(9)
    made = texts(4000, 10)
    long = [
        "x" * 41,
        "x" * 40 + ".",
        "-" * 45,
        "a1" * 45,
        "k" * 50 + "@example.com",
        "mx." * 30 + "de",
    ]
    for _ in range(10_000):
        parts = [chance.choice(long) if chance.random() < 0.1 else chance.choice(made)
                 for _ in range(chance.randint(1, 6))]  # fmt: skip
        text = chance.choice(["", " ", ":", "  "]).join(parts)[chance.randint(0, 70) :].encode()
        assert kernel.skeleton(text, table) == kernel.skeleton(text, table, True), text


@pytest.mark.parametrize("compiled", TIERS)
def test_prints_do_not_depend_on_threads_or_slices(compiled: bool) -> None:
    made = pa.array([*texts(9000, 11), None, *texts(9000, 12)])
    salts = np.arange(len(made), dtype=np.uint64) % np.uint64(3)
    alone = Fingerprints(KEEP, compiled=compiled, threads=1).of(made, salts)
    shared = Fingerprints(KEEP, compiled=compiled, threads=3)
    assert (shared.of(made, salts) == alone).all()
    assert (shared.of(made[7777:7999], salts[7777:7999]) == alone[7777:7999]).all()


@pytest.mark.skipif(compiled_kernel() is None, reason="built without a compiler")
@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=300))
def test_the_kernel_agrees_on_any_ascii(text: str) -> None:
    kernel, table = compiled_kernel(), keep_table(Keep())
    bones = kernel.skeleton(text.encode(), table)
    assert bones == kernel.skeleton(text.encode(), table, True)
    if bones is not None:
        assert bones.decode() == skeleton(text, Keep())


@pytest.mark.skipif(compiled_kernel() is None, reason="built without a compiler")
def test_the_kernel_refuses_buffers_that_do_not_fit() -> None:
    kernel, table = compiled_kernel(), keep_table(KEEP)
    out = np.empty(2, np.uint64)
    offsets = np.array([0, 9, 3], np.int32)
    for bad in (
        (offsets, False, 0, b"abc", table, b"", out),
        (offsets[:2], False, 0, b"abc", table, b"", out),
        (offsets, False, 0, b"abc", table[:40], b"", out),
        (offsets, False, 0, b"abc", table, np.zeros(1, np.uint64), out),
    ):
        with pytest.raises(ValueError, match=r"fit|cut|outside"):
            kernel.fingerprints(*bad)
