"""The files of a Tracking Extract whose columns are partly guesses: section 7 of the fact sheet."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from lxml import etree
from sandbox_caller import RETAIL

from sfmc_sandbox import extract_files
from sfmc_sandbox.extract_files import ColumnsInvalid, columns_of, guesses, kinds, read_columns
from sfmc_sandbox.extracts import Order, read_order, tracking_extract
from sfmc_sandbox.world.tenant import Tenant

UNITS = (7_000_100, RETAIL)
NOW = datetime(2026, 5, 31, 18)  # noqa: DTZ001 - Marketing Cloud's naive clock
WHO = ["ClientID", "SubscriberKey", "EmailAddress", "SubscriberID"]
SENT = ["ClientID", "SendID", "SubscriberKey", "EmailAddress", "SubscriberID", "ListID",
        "EventDate", "EventType"]  # fmt: skip
# The parameters that ask for a file, and the columns that are known of it.
FILES = [
    pytest.param("ExtractStatusChanges", "StatusChanges",
                 [*WHO, "OldStatus", "NewStatus", "DateChanged"], id="StatusChanges"),
    pytest.param("ExtractListMembership", "ListMembership",
                 [*WHO, "ListID", "ListName", "DateJoined"], id="ListMembership"),
    pytest.param("ExtractAttributes", "Attributes", WHO, id="Attributes"),
    pytest.param("ExtractConversions", "Conversions",
                 [*SENT, "ReferringURL", "LinkAlias", "ConversionData"], id="Conversions"),
    pytest.param("ExtractConvers", "Conversions",
                 [*SENT, "ReferringURL", "LinkAlias", "ConversionData"], id="Conversions, short"),
    pytest.param("ExtractSurveyResponses", "Surveys", SENT, id="Surveys"),
    pytest.param("ExtractSurveyResponse", "Surveys", SENT, id="Surveys, singular"),
    pytest.param("ExtractComplaints", "Complaints", SENT, id="Complaints"),
]  # fmt: skip


def _order(*flags: str, **more: str) -> Order:
    given = {"RollingRange": "90", "OutputFileName": "x.zip", **dict.fromkeys(flags, "true")}
    return read_order({**given, **more}, RETAIL, units=UNITS, now=NOW)


def _read(path: Path, name: str) -> list[list[str]]:
    with zipfile.ZipFile(path) as archive:
        return list(csv.reader(io.StringIO(archive.read(name).decode("utf-16"), newline="")))


@pytest.mark.parametrize(("flag", "kind", "known"), FILES)
def test_sfmc_7_a_file_has_what_is_known_of_its_columns_and_rows(
    tenant: Tenant, tmp_path: Path, flag: str, kind: str, known: list[str]
) -> None:
    rows = _read(tracking_extract(tenant, _order(flag), tmp_path), f"{kind}.csv")
    assert rows[0][: len(known)] == known
    assert len(rows) > 1
    assert {row[0] for row in rows[1:]} == {str(RETAIL)}
    for name in ("EventDate", "DateChanged", "DateJoined"):
        if name in rows[0]:
            place = rows[0].index(name)
            for row in rows[1:]:
                datetime.strptime(row[place], "%m/%d/%Y %I:%M:%S %p")  # noqa: DTZ007


def test_sfmc_7_status_changes_tell_of_the_range_only(tenant: Tenant, tmp_path: Path) -> None:
    order = _order("ExtractStatusChanges")
    rows = _read(tracking_extract(tenant, order, tmp_path), "StatusChanges.csv")[1:]
    moments = [datetime.strptime(row[6], "%m/%d/%Y %I:%M:%S %p") for row in rows]  # noqa: DTZ007
    assert all(order.start.replace(microsecond=0) <= moment < order.end for moment in moments)
    assert {(row[4], row[5]) for row in rows} == {
        ("Active", "Bounced"), ("Bounced", "Held"), ("Active", "Unsubscribed"),
    }  # fmt: skip
    held = tenant.db.cursor().execute(
        "SELECT count(*) FROM subscriber WHERE mid = ? AND undeliverable >= ?",
        [RETAIL, order.start],
    ).fetchall()[0][0]  # fmt: skip
    assert sum(row[5] == "Held" for row in rows) == held > 0


def test_the_files_of_a_column_list_of_ones_own(tenant: Tenant, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        'StatusChanges = ["Client Id = ClientID", "SubscriberKey", "Reason =", "New = NewStatus"]'
    )
    order = replace(_order("ExtractStatusChanges"), columns=read_columns(tmp_path / "own.toml"))
    rows = _read(tracking_extract(tenant, order, tmp_path), "StatusChanges.csv")
    assert rows[0] == ["Client Id", "SubscriberKey", "Reason", "New"]
    assert rows[1][0] == str(RETAIL)
    assert rows[1][2] == ""
    assert rows[1][3] in {"Held", "Bounced", "Unsubscribed"}
    path = tracking_extract(tenant, replace(order, shape="xml"), tmp_path)
    with zipfile.ZipFile(path) as archive:
        root = etree.fromstring(archive.read("StatusChanges.xml"))
    assert [cell.tag for cell in root[0]] == ["Client_Id", "SubscriberKey", "Reason", "New"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param('Nope = ["a"]', "no file is called 'Nope'", id="file"),
        pytest.param('Sent = ["Nope"]', "Sent has no value 'Nope'", id="value"),
        pytest.param('Sent = ["= SendID"]', "a column without a name", id="no name"),
        pytest.param("Sent = []", "must be a list", id="empty"),
        pytest.param("Sent = ", "own.toml", id="no toml"),
    ],
)
def test_a_bad_column_list_says_what_is_known(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(ColumnsInvalid, match=words):
        read_columns(tmp_path / "own.toml")


@pytest.mark.parametrize("kind", kinds())
def test_every_column_of_every_file_has_a_value_the_database_knows(
    tenant: Tenant, kind: str
) -> None:
    sql = extract_files.select(kind, columns_of(kind), (RETAIL,))
    tenant.db.cursor().execute(f"EXPLAIN {sql}", [NOW, NOW])


@pytest.mark.parametrize("kind", guesses())
def test_the_docs_name_every_file_whose_columns_are_guesses(kind: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text("utf-8")
    assert f"| {kind}.csv |" in text
