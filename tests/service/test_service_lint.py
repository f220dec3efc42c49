"""SQL for Marketing Cloud, looked at before it is pasted there."""

from __future__ import annotations

from pathlib import Path

import pytest

from bouncelens.check.query import lint, views
from bouncelens.errors import InputInvalid
from bouncelens.service.lint import lint_file

GOOD = [
    "SELECT b.JobID, b.SMTPCode FROM _Bounce b WHERE b.JobID = 12",
    "SELECT TOP 10 JobID FROM _Sent ORDER BY JobID",
    "SELECT s.JobID, COUNT(*) AS Sent FROM _Sent s GROUP BY s.JobID",
    "SELECT JobID, ROW_NUMBER() OVER (PARTITION BY JobID ORDER BY EventDate) AS n FROM _Open",
    "SELECT b.JobID, j.EmailName FROM _Bounce b LEFT JOIN _Job j ON j.JobID = b.JobID",
    "SELECT x.SubscriberKey FROM Ent._Subscribers x",
    "SELECT a.Anything FROM [My DE] a",
    "SELECT Whatever FROM [My DE]",
    "SELECT x.j FROM (SELECT JobID AS j FROM _Click) x",
    "SELECT b.JobID FROM _Bounce b UNION ALL SELECT s.JobID FROM _Sent s",
]


@pytest.mark.parametrize("query", GOOD)
def test_a_query_that_would_run_has_no_errors(query: str) -> None:
    assert not [finding for finding in lint(query) if finding.is_error]


@pytest.mark.parametrize(
    ("query", "kind", "said"),
    [
        ("SELECT SMTPStatusCode FROM _Bounce", "column", "it is called SMTPCode"),
        ("SELECT b.SendID FROM _Bounce b", "column", "it is called JobID"),
        ("SELECT b.EmailAddress FROM _Bounce b", "column", "join _Subscribers"),
        ("SELECT b.Domian FROM _Bounce b", "column", "did you mean Domain?"),
        ("SELECT JobID FROM _Sent WHERE IsUnique = 1", "column", "no such column"),
        (
            "SELECT x.JobID FROM (SELECT JobID, BounceReason FROM _Bounce) x",
            "column",
            "SMTPBounceReason",
        ),
        ("WITH x AS (SELECT JobID FROM _Sent) SELECT JobID FROM x", "forbidden", "subquery"),
        ("SELECT JobID FROM _Sent ORDER BY JobID", "forbidden", "TOP"),
        ("SELECT JobID INTO x FROM _Sent", "forbidden", "INTO"),
        ("DELETE FROM _Sent", "forbidden", "one SELECT"),
        ("SELECT JobID FROM _Sent; SELECT JobID FROM _Open", "forbidden", "Only one SELECT"),
        ("SELECT JobID FROM [123].Sends", "forbidden", "only Ent."),
        ("SELECT JobID FROM _Sent WHERE JobID = @job", "forbidden", "no variables"),
        ("SELECT COUNT(*) FROM _Sent", "name", "has no name"),
        ("SELECT JobID, JobID FROM _Sent", "name", "Two columns"),
        ("SELECT (( FROM", "syntax", "cannot be read"),
        ("", "syntax", "no query"),
        ("x" * 300_000, "syntax", "longer than"),
    ],
)
def test_what_would_be_refused_is_said_with_what_to_write(query: str, kind: str, said: str) -> None:
    errors = [finding for finding in lint(query) if finding.is_error]
    assert any(finding.kind == kind and said in finding.message for finding in errors), errors


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("SELECT * FROM _Bounce", "star"),
        ("SELECT b.SMTPBounceReason FROM _Bounce b", "length"),
    ],
)
def test_what_works_today_and_not_tomorrow_is_advice(query: str, kind: str) -> None:
    (finding,) = lint(query)
    assert finding.kind == kind
    assert not finding.is_error


def test_lines_are_named() -> None:
    (finding,) = lint("SELECT\n  b.JobID,\n  b.SMTPStatus\nFROM _Bounce b")
    assert finding.line == 3


def test_the_table_of_wrong_names_leads_to_right_ones() -> None:
    for view in views().values():
        right = set(view.columns.values())
        assert set(view.wrong.values()) <= right, view.name
        assert not (set(view.wrong) | set(view.absent)) & set(view.columns), view.name


def test_files_of_windows_are_read(tmp_path: Path) -> None:
    path = tmp_path / "q.sql"
    path.write_bytes("SELECT JobID FROM _Sent".encode("utf-16"))
    assert lint_file(path).is_usable
    path.write_bytes(b"\xff\x00\xd8")
    with pytest.raises(InputInvalid, match="UTF-8"):
        lint_file(path)
