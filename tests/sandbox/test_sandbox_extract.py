"""Tracking Extracts and SFTP: sections 2.6 and 7 of the fact sheet."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from lxml import etree
from sandbox_caller import RETAIL, XSI, Caller

from sfmc_sandbox.extracts import ExtractRefused, file_name, read_order, tracking_extract
from sfmc_sandbox.world.tenant import Tenant

UNITS = (7_000_100, 7_000_101, 7_000_102, 7_000_103, 7_000_104)
NOW = datetime(2026, 5, 31, 18)  # noqa: DTZ001 - Marketing Cloud's naive clock
ALL = {
    "StartDate": "1/1/2026 12:00:00 AM", "EndDate": "1/31/2026 12:00:00 AM", "AccountIDs": "",
    "OutputFileName": "tracking.zip", "Format": "csv", "QuoteText": "true",
    "ExtractBounces": "true", "ExtractSent": "true", "ExtractOpens": "true",
    "ExtractClicks": "true", "ExtractUnsubs": "true", "ExtractNotSent": "true",
    "ExtractSendJobs": "true", "ExtractSubscribers": "true", "ExtractLists": "true",
    "ExtractComplaints": "true",
}  # fmt: skip


def _order(**more: str) -> dict[str, str]:
    return {**ALL, **more}


def _made(tenant: Tenant, folder: Path, troubles: set[str] | None = None, **more: str) -> Path:
    from dataclasses import replace

    order = read_order(_order(**more), RETAIL, units=UNITS, now=NOW)
    return tracking_extract(tenant, replace(order, troubles=frozenset(troubles or ())), folder)


def _rows(path: Path, name: str, encoding: str = "utf-16", **how: str) -> list[list[str]]:
    with zipfile.ZipFile(path) as archive:
        text = archive.read(name).decode(encoding)
    return list(csv.reader(io.StringIO(text, newline=""), **how))  # type: ignore[arg-type]


def test_sfmc_7_bounces_have_the_columns_in_order(tenant: Tenant, tmp_path: Path) -> None:
    path = _made(tenant, tmp_path)
    rows = _rows(path, "Bounces.csv")
    assert rows[0] == [
        "ClientID", "SendID", "SubscriberKey", "EmailAddress", "SubscriberID", "ListID",
        "EventDate", "EventType", "BounceCategory", "SMTPCode", "BounceReason", "BatchID",
        "TriggeredSendExternalKey",
    ]  # fmt: skip
    expected = tenant.db.cursor().execute(
        "SELECT count(*) FROM bounce WHERE mid = ? AND event_time >= '2026-01-01' "
        "AND event_time < '2026-01-31'", [RETAIL],
    ).fetchall()[0][0]  # fmt: skip
    assert len(rows) - 1 == expected > 20
    assert {row[7] for row in rows[1:]} == {"Bounce"}
    assert datetime.strptime(rows[1][6], "%m/%d/%Y %I:%M:%S %p")  # noqa: DTZ007
    with zipfile.ZipFile(path) as archive:
        assert archive.read("Bounces.csv")[:2] == b"\xff\xfe"
        assert sorted(archive.namelist()) == sorted(
            f"{kind}.csv" for kind in (
                "Bounces", "Sent", "Opens", "Clicks", "Unsubs", "NotSent", "SendJobs",
                "Subscribers", "Lists", "Complaints",
            )
        )  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_sfmc_7_xml_is_read_by_a_parser_in_either_encoding(
    tenant: Tenant, tmp_path: Path, encoding: str
) -> None:
    path = _made(tenant, tmp_path, Format="xml", CharacterEncoding=encoding)
    with zipfile.ZipFile(path) as archive:
        root = etree.fromstring(archive.read("Bounces.xml"))
    rows = _rows(_made(tenant, tmp_path), "Bounces.csv")
    assert [cell.text or "" for cell in root[0]] == rows[1]
    assert len(root) == len(rows) - 1


def test_sfmc_7_tab_xml_and_utf_8(tenant: Tenant, tmp_path: Path) -> None:
    tab = _made(tenant, tmp_path, Format="tab", CharacterEncoding="UTF-8")
    rows = _rows(tab, "Bounces.txt", "utf-8", delimiter="\t")
    assert rows[0][0] == "ClientID"
    xml = _made(tenant, tmp_path, Format="xml")
    with zipfile.ZipFile(xml) as archive:
        assert "<BounceReason>" in archive.read("Bounces.xml").decode("utf-16")


def test_sfmc_7_a_parent_may_ask_for_all_accounts(tenant: Tenant, tmp_path: Path) -> None:
    order = read_order(_order(AccountIDs="*"), UNITS[0], units=UNITS, now=NOW)
    rows = _rows(tracking_extract(tenant, order, tmp_path), "SendJobs.csv")
    assert len({row[0] for row in rows[1:]}) > 2
    with pytest.raises(ExtractRefused):
        read_order(_order(AccountIDs="7000102"), RETAIL, units=UNITS, now=NOW)


@pytest.mark.parametrize(
    "more",
    [
        {"StartDate": "yesterday"},
        {"EndDate": "3/31/2026"},
        {"EndDate": "1/1/2025"},
        {"Format": "pdf"},
        {"OutputFileName": "../up.zip"},
        {"OutputFileName": ""},
        {"OutputFileName": "a:b.zip"},
        {"RollingRange": "45"},
    ],
    ids=str,
)
def test_bad_orders_are_refused(more: dict[str, str]) -> None:
    with pytest.raises(ExtractRefused):
        read_order(_order(**more), RETAIL, units=UNITS, now=NOW)


def test_sfmc_7_rolling_ranges_and_name_tokens() -> None:
    order = read_order(_order(RollingRange="90 days"), RETAIL, units=UNITS, now=NOW)
    assert (order.end - order.start).days == 90
    assert file_name("x-%%Year%%-%%Month%%-%%Day%%.zip", NOW) == "x-2026-05-31.zip"


def test_extracts_go_wrong_as_asked(tenant: Tenant, tmp_path: Path) -> None:
    half = _made(tenant, tmp_path, {"half-a-zip"})
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(half)
    cut = _made(tenant, tmp_path, {"utf16-cut"})
    with pytest.raises(UnicodeDecodeError):
        _rows(cut, "Bounces.csv")
    assert _rows(_made(tenant, tmp_path, {"extra-column"}), "Sent.csv")[0][-1] == "CampaignID"
    assert "BatchID" not in _rows(_made(tenant, tmp_path, {"missing-column"}), "Sent.csv")[0]
    bomb = _made(tenant, tmp_path, {"zip-bomb"})
    assert bomb.stat().st_size < 20_000_000
    with zipfile.ZipFile(bomb) as archive:
        assert archive.getinfo("Conversions.csv").file_size == 1 << 29


def test_sfmc_2_6_an_extract_request_lands_in_export(caller: Caller) -> None:
    parameters = "".join(
        f"<Parameter><Name>{name}</Name><Value>{value}</Value></Parameter>"
        for name, value in _order(OutputFileName="by_soap.zip").items()
    )
    ask = (
        f'<ExtractRequestMsg xmlns="http://exacttarget.com/wsdl/partnerAPI" {XSI}><Requests>'
        "<ID>c7219016-a7f0-4c72-8657-1ec12c28a0db</ID><Options />"
        f"<Parameters>{parameters}</Parameters></Requests></ExtractRequestMsg>"
    )
    assert caller.soap(ask).first("OverallStatus") == "OK"
    path = caller.sandbox.storage.home(RETAIL) / "Export" / "by_soap.zip"
    for _ in range(300):
        if path.exists() and zipfile.is_zipfile(path):
            break
        time.sleep(0.03)
    assert _rows(path, "Bounces.csv")[0][0] == "ClientID"
    bad = caller.soap(ask.replace("tracking", "x").replace("1/31/2026", "1/31/2027"))
    assert (bad.first("OverallStatus") or "").startswith("Error: ")


def test_sfmc_3_an_automation_writes_a_tracking_extract(caller: Caller) -> None:
    fields = [{"name": n, "type": "string", "value": v} for n, v in ALL.items()]
    made = caller.rest("/automation/v1/dataextracts", method="POST", json={
        "name": "te", "fileSpec": "te-%%Year%%.zip", "dataFields": [
            f for f in fields if f["name"] != "OutputFileName"],
        "dataExtractTypeId": "c7219016-a7f0-4c72-8657-1ec12c28a0db"}).json()  # fmt: skip
    steps = [{"activities": [{"activityObjectId": made["dataExtractDefinitionId"],
                              "objectTypeId": 73}]}]  # fmt: skip
    auto = caller.rest("/automation/v1/automations", method="POST",
                       json={"name": "te-auto", "steps": steps}).json()  # fmt: skip
    caller.rest(f"/automation/v1/automations/{auto['id']}/actions/runallonce", method="POST")
    path = caller.sandbox.storage.home(RETAIL) / "Export" / "te-2026.zip"
    for _ in range(300):
        if path.exists() and zipfile.is_zipfile(path):
            return
        time.sleep(0.03)
    raise AssertionError("no extract came")
