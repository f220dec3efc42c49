"""Rows of delimited text: the fast way and the careful way tell the same, line numbers included."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bouncelens.bounce import Quarantined
from bouncelens.extract.archive import Part
from bouncelens.extract.delimited import Plain, chunks, dialect_of

HEADER = ["SendID", "SubscriberKey", "EventDate", "BounceReason"]
CELLS = st.lists(
    st.sampled_from(["a", "ü", "5", " ", '"', ",", "\n", "\r", "\r\n", "\t", "'", "\0", "😀"]),
    max_size=12,
).map("".join)
ROWS = st.lists(CELLS, min_size=4, max_size=4)
# Rows that no reader may take, and that end with their line.
BAD = st.sampled_from(["one,two", "a,b,c,d,e", 'a,"b"c,d,e', 'a,b,"c" ,d', "x"])


def read(data: bytes) -> tuple[list[tuple[int, list[str]]], list[Quarantined]]:
    """Every row with its line, and what was set aside."""
    part = Part("x.csv", lambda: io.BytesIO(data))  # type: ignore[arg-type, return-value]
    rows, bad = list[tuple[int, list[str]]](), list[Quarantined]()
    for chunk in chunks(part, dialect_of(part)):
        if isinstance(chunk, Plain):
            columns = [column.to_pylist() for column in chunk.columns]
            rows += zip(chunk.lines, map(list, zip(*columns, strict=True)), strict=True)
        else:
            rows += zip(chunk.lines, chunk.rows, strict=True)
            bad += chunk.bad
    return rows, bad


def lines_of(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def written(row: list[str], end: str) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL).writerow(row)
    return out.getvalue()


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.one_of(ROWS, BAD), max_size=12),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
    is_open=st.booleans(),
)
def test_every_row_comes_with_its_line_and_every_bad_one_is_set_aside(
    rows: list[list[str] | str], end: str, encoding: str, *, is_open: bool
) -> None:
    text, line = ",".join(HEADER) + end, 2
    good, bad = list[tuple[int, list[str]]](), list[int]()
    for row in rows:
        made = row + end if isinstance(row, str) else written(row, end)
        if isinstance(row, str):
            bad.append(line)
        elif row != HEADER:
            good.append((line, row))
        line += lines_of(made)
        text += made
    if is_open:
        text = text.removesuffix(end)
    found, set_aside = read(text.encode(encoding))
    assert found == good
    assert [b.line for b in set_aside] == bad


def many(count: int) -> Iterator[str]:
    for number in range(count):
        if number % 997 == 500:
            yield "too,short\n"
        elif number % 3:
            yield f'{number},key,then,"550 {"x" * 60}\r\nsecond ""line"" {number}"\n'
        else:
            yield f"{number},key,then,550 {'x' * 60}\n"


def test_a_long_file_with_breaks_and_bad_rows_is_read_to_its_end() -> None:
    whole = list(many(100_000))  # some blocks
    found, bad = read((",".join(HEADER) + "\n" + "".join(whole)).encode())
    starts, line = dict[int, int](), 2
    for number, text in enumerate(whole):
        starts[number] = line
        line += lines_of(text)
    assert len(bad) == sum(text == "too,short\n" for text in whole)
    assert [b.line for b in bad] == [starts[n] for n in range(100_000) if n % 997 == 500]
    assert [at for at, _ in found] == [starts[int(row[0])] for _, row in found]
    assert len(found) + len(bad) == len(whole)
    assert {row[3].count("\r\n") for _, row in found} == {0, 1}


def test_an_unclosed_quote_takes_no_other_row_with_it() -> None:
    rows = [f"{n},key,then,550 no" for n in range(5000)]
    rows[700] = '700,key,then,"550 no'
    found, bad = read("\n".join([",".join(HEADER), *rows, ""]).encode())
    assert [b.line for b in bad] == [702]
    assert len(found) == 4999


def test_an_empty_line_of_a_single_column_is_no_row() -> None:
    found, bad = read(b"BounceReason\n550 no\n\n452 full\n")
    assert (found, bad) == ([(2, ["550 no"]), (4, ["452 full"])], [])
