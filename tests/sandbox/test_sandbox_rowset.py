"""REST rowsets: section 3 of the fact sheet."""

from __future__ import annotations

import re

import pytest
from sandbox_caller import RETAIL, Caller

from sfmc_sandbox.world.tenant import Tenant

ROWSET = "/data/v1/customobjectdata/key/bouncelens_sends/rowset"


def test_sfmc_3_a_rowset_has_the_recorded_shape(caller: Caller) -> None:
    answer = caller.rest(ROWSET).json()
    assert list(answer) == [
        "links", "requestToken", "tokenExpireDateUtc", "customObjectId", "customObjectKey",
        "pageSize", "page", "count", "top", "items",
    ]  # fmt: skip
    assert (answer["pageSize"], answer["page"], len(answer["items"])) == (50, 1, 50)
    token = answer["requestToken"]
    assert answer["links"]["next"] == f"/v1/customobjectdata/token/{token}/rowset?$page=2"
    first = answer["items"][0]
    assert set(first) == {"keys", "values"}
    assert set(first["keys"]) == {"jobid", "domain", "sendday"}
    assert first["values"]["sent"].isdigit()
    assert re.fullmatch(r"\d{1,2}/\d{1,2}/\d{4} 12:00:00 AM", first["keys"]["sendday"])


def test_sfmc_3_pages_by_token_give_every_row_once(caller: Caller, tenant: Tenant) -> None:
    token = caller.token()
    answer = caller.rest(f"{ROWSET}?$pageSize=2500", token=token).json()
    rows = answer["items"]
    while "next" in answer["links"]:
        answer = caller.rest("/data" + answer["links"]["next"], token=token).json()
        rows += answer["items"]
    assert len(rows) == answer["count"] == len({tuple(row["keys"].values()) for row in rows})
    total = tenant.db.cursor().execute(f"SELECT count(*) FROM sent WHERE mid = {RETAIL}").fetchall()
    assert sum(int(row["values"]["sent"]) for row in rows) == total[0][0]


def test_sfmc_3_an_empty_rowset_has_no_items(caller: Caller) -> None:
    answer = caller.rest(f"{ROWSET}?$filter=Domain eq 'nowhere.example'").json()
    assert (answer["count"], "items" in answer) == (0, False)


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("Domain eq 'gmail.com'", "domain = 'gmail.com'"),
        ("Sent gt 20", "sent > 20"),
        ("Sent gte 5 and Domain like 'g%'", "sent >= 5 AND domain LIKE 'g%'"),
        ("(Domain eq 'gmail.com' or Domain eq 'aol.com') and Sent lt 50",
         "domain IN ('gmail.com', 'aol.com') AND sent < 50"),
        ("Domain ne 'gmail.com'", "domain <> 'gmail.com'"),
        ("SendDay lte '2026-01-01'", "send_day <= '2026-01-01'"),
    ],
)  # fmt: skip
def test_sfmc_3_filters(caller: Caller, tenant: Tenant, text: str, sql: str) -> None:
    answer = caller.rest(ROWSET, params={"$filter": text}).json()
    expected = tenant.db.cursor().execute(
        f"SELECT count(*) FROM bouncelens_sends WHERE mid = {RETAIL} AND {sql}"
    ).fetchall()[0][0]  # fmt: skip
    assert answer["count"] == expected > 0


def test_sfmc_3_order_by_sorts(caller: Caller) -> None:
    rows = caller.rest(f"{ROWSET}?$orderBy=Sent desc").json()["items"]
    counts = [int(row["values"]["sent"]) for row in rows]
    assert counts == sorted(counts, reverse=True)


def test_sfmc_3_the_key_is_the_external_key_and_data_views_are_not_here(caller: Caller) -> None:
    for key in ("_Bounce", "nothing"):
        assert caller.rest(f"/data/v1/customobjectdata/key/{key}/rowset").status_code == 404


def test_a_page_is_for_the_unit_that_opened_it(caller: Caller) -> None:
    link = caller.rest(ROWSET).json()["links"]["next"]
    assert caller.rest("/data" + link, token=caller.token(7_000_102)).status_code == 400
