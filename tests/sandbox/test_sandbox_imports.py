"""Imports over SOAP: made once, started, counted; and the lists they fill."""

from __future__ import annotations

import time

import pytest
from sandbox_caller import RETAIL, Answer, Caller, props, simple

PARTNER = "http://exacttarget.com/wsdl/partnerAPI"


def create(caller: Caller, kind: str, inner: str, verb: str = "Create") -> Answer:
    return caller.soap(
        f'<{verb}Request xmlns="{PARTNER}"><Options />'
        f'<Objects xsi:type="{kind}">{inner}</Objects></{verb}Request>'
    )


def make(caller: Caller, name: str, **more: str) -> str:
    """A list and an import of the same key; the import's ObjectID."""
    named = f"<CustomerKey>{name}</CustomerKey><Name>{name}</Name>"
    assert create(caller, "SuppressionListDefinition", named).first("StatusCode") == "OK"
    target = f"<CustomerKey>{name}</CustomerKey>"
    told = {"FileSpec": f"{name}.csv", "UpdateType": "AddAndUpdate"} | more
    rest = "".join(f"<{tag}>{text}</{tag}>" for tag, text in told.items())
    made = create(
        caller,
        "ImportDefinition",
        f'{named}<DestinationObject xsi:type="DataExtension">{target}</DestinationObject>{rest}',
    )
    return str(made.first("NewObjectID"))


def land(caller: Caller, name: str, text: str) -> None:
    (caller.sandbox.storage.home(RETAIL) / "Import" / f"{name}.csv").write_text(text)


def run(caller: Caller, object_id: str) -> dict[str, str | None]:
    """Start it and wait; the summary."""
    started = caller.soap(
        f'<PerformRequestMsg xmlns="{PARTNER}"><Action>start</Action><Definitions>'
        f'<Definition xsi:type="ImportDefinition"><ObjectID>{object_id}</ObjectID></Definition>'
        "</Definitions></PerformRequestMsg>"
    )
    assert started.first("StatusCode") == "OK", started.text
    task = started.every("ID")[-1]
    names = ("ImportStatus", "TotalRows", "NumberSuccessful", "NumberDuplicated", "NumberErrors")
    asked = f"<ObjectType>ImportResultsSummary</ObjectType>{props(*names)}"
    for _ in range(200):
        row = caller.retrieve(asked + simple("TaskResultID", "equals", str(task))).results[0]
        if row["ImportStatus"] not in ("New", "Processing"):
            return row
        time.sleep(0.02)
    raise AssertionError("it does not end")


def listed(caller: Caller, name: str) -> set[str | None]:
    rows = caller.retrieve(
        f"<ObjectType>DataExtensionObject[{name}]</ObjectType>{props('Email Address')}"
    )
    return set(rows.every("Value"))


ROWS = "Email Address,Date Added\na@example.com,2026-05-01\nb@example.com,5/2/2026\n"
UPDATES = [
    pytest.param("AddAndUpdate", {"x@example.com", "a@example.com", "b@example.com"}, "2"),
    pytest.param("AddAndDoNotUpdate", {"x@example.com", "a@example.com", "b@example.com"}, "2"),
    pytest.param("UpdateButDoNotAdd", {"x@example.com"}, "0"),
    pytest.param("Overwrite", {"a@example.com", "b@example.com"}, "2"),
]


@pytest.mark.parametrize(("update", "holds", "taken"), UPDATES)
def test_sfmc_2_5_an_import_fills_its_target_by_its_update_type(
    caller: Caller, update: str, holds: set[str], taken: str
) -> None:
    object_id, name = make(caller, f"list_{update}", UpdateType=update), f"list_{update}"
    caller.sandbox.tenant.db.cursor().execute(
        f"INSERT INTO {caller.sandbox.extensions.find(RETAIL, name).table} "  # type: ignore[union-attr]
        "VALUES ('x@example.com', NULL)"
    )
    land(caller, name, ROWS)
    summary = run(caller, object_id)
    assert (summary["ImportStatus"], summary["NumberSuccessful"]) == ("Completed", taken)
    assert listed(caller, name) == holds


def test_sfmc_2_5_an_import_counts_what_came_twice_and_what_was_refused(caller: Caller) -> None:
    object_id = make(caller, "counted")
    land(caller, "counted", f"{ROWS}A@example.com,\nnobody,\n")
    told = run(caller, object_id)
    assert told["ImportStatus"] == "Completed"
    counts = ("TotalRows", "NumberSuccessful", "NumberDuplicated", "NumberErrors")
    assert [told[name] for name in counts] == ["4", "2", "1", "1"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("no_file", None, id="no file"),
        pytest.param("strange", "Mail\na@example.com\n", id="a column that has no field"),
        pytest.param("keyless", "Date Added\n2026-05-01\n", id="no key"),
        pytest.param("empty", "", id="an empty file"),
    ],
)
def test_sfmc_2_5_an_import_that_cannot_be_read_ends_in_error(
    caller: Caller, name: str, text: str | None
) -> None:
    object_id = make(caller, name)
    if text is not None:
        land(caller, name, text)
    assert run(caller, object_id)["ImportStatus"] == "Error"


def test_sfmc_2_5_an_import_that_allows_no_errors_stops_at_the_first(caller: Caller) -> None:
    object_id = make(caller, "strict", AllowErrors="false")
    land(caller, "strict", f"Email Address\nnobody\n{ROWS.split()[1]}\n")
    assert run(caller, object_id)["ImportStatus"] == "Error"


def test_sfmc_2_5_an_import_definition_is_found_by_its_key_and_removed(caller: Caller) -> None:
    object_id = make(caller, "for_a_while")
    asked = f"<ObjectType>ImportDefinition</ObjectType>{props('ObjectID', 'FileSpec')}"
    where = simple("CustomerKey", "equals", "for_a_while")
    assert caller.retrieve(asked + where).results == [
        {"PartnerKey": None, "ObjectID": object_id, "FileSpec": "for_a_while.csv"}
    ]
    named = "<CustomerKey>for_a_while</CustomerKey>"
    assert create(caller, "ImportDefinition", named, "Delete").first("StatusCode") == "OK"
    assert caller.retrieve(asked + where).results == []
    again = create(caller, "ImportDefinition", named, "Delete")
    assert again.first("StatusMessage") == "The ImportDefinition does not exist."


def test_sfmc_5_a_suppression_list_begins_with_address_and_date(caller: Caller) -> None:
    make(caller, "begins")
    fields = f"<ObjectType>DataExtensionField</ObjectType>{props('Name', 'IsPrimaryKey')}"
    rows = caller.retrieve(fields + simple("DataExtension.CustomerKey", "equals", "begins")).results
    assert [(row["Name"], row["IsPrimaryKey"]) for row in rows] == [
        ("Email Address", "true"),
        ("Date Added", "false"),
    ]
    asked = f"<ObjectType>SuppressionListDefinition</ObjectType>{props('Name')}"
    where = simple("CustomerKey", "equals", "begins")
    assert [row["Name"] for row in caller.retrieve(asked + where).results] == ["begins"]
    named = "<CustomerKey>begins</CustomerKey>"
    for told in (
        "SuppressionListDefinition deleted",
        "The SuppressionListDefinition does not exist.",
    ):
        gone = create(caller, "SuppressionListDefinition", named, "Delete")
        assert gone.first("StatusMessage") == told
