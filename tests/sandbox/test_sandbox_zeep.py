"""zeep reads the served WSDL and every answer strictly: section 2.7 of the fact sheet."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import zeep
from sandbox_caller import Caller
from zeep import xsd


@pytest.fixture(scope="module")
def client(running: Caller) -> zeep.Client:
    return zeep.Client(f"{running.url}/etframework.wsdl")


def _ask(client: zeep.Client, running: Caller, name: str, **what: Any) -> Any:
    header = xsd.Element(
        "{http://exacttarget.com}fueloauth",
        xsd.ComplexType([xsd.Element("_value_1", xsd.String())]),
    )
    head = header(_value_1=running.token())
    return getattr(client.service, name)(_soapheaders=[head], **what)


def _type(client: zeep.Client, name: str) -> Any:
    return client.get_type(f"ns0:{name}")


def test_sfmc_2_7_the_wsdl_points_here(caller: Caller) -> None:
    text = caller.http.get(f"{caller.url}/etframework.wsdl").text
    assert f'location="{caller.url}/Service.asmx"' in text
    assert "webservice.exacttarget.com" not in text
    fault = caller.http.get(f"{caller.url}/ETFrameworkFault.xsd").text
    assert 'targetNamespace="urn:fault.partner.exacttarget.com"' in fault


OBJECTS = [
    ("BounceEvent", ["SendID", "SubscriberKey", "EventDate", "EventType", "SMTPReason"]),
    ("SentEvent", ["SendID", "SubscriberKey", "EventDate", "ListID", "SubscriberID"]),
    ("NotSentEvent", ["SendID", "SubscriberKey", "EventDate", "EventType"]),
    ("OpenEvent", ["SendID", "SubscriberKey", "EventDate"]),
    ("ClickEvent", ["SendID", "SubscriberKey", "URLID", "URL"]),
    ("UnsubEvent", ["SendID", "SubscriberKey", "IsMasterUnsubscribed"]),
    ("Send", ["ID", "NumberSent", "NumberDelivered", "SentDate", "Email.ID", "CreatedDate"]),
    ("Subscriber", ["ID", "EmailAddress", "SubscriberKey", "Status", "CreatedDate"]),
    ("ListSubscriber", ["SubscriberKey", "ListID", "Status"]),
    ("BusinessUnit", ["ID", "Name", "AccountType", "ParentID"]),
    ("DataExtension", ["Name", "CustomerKey", "ObjectID", "CreatedDate"]),
    ("DataExtensionField", ["Name", "FieldType", "IsPrimaryKey", "DataExtension.CustomerKey"]),
    ("DataExtensionObject[bouncelens_sends]", ["JobID", "Domain", "Sent"]),
    ("List", ["ID", "ListName", "Type", "ListClassification", "CustomerKey"]),
    ("Email", ["ID", "Name", "Subject", "HTMLBody"]),
    ("DataFolder", ["ID", "Name", "ContentType", "ParentFolder.ID"]),
    ("QueryDefinition", ["Name", "QueryText", "DataExtensionTarget.Name"]),
    ("Automation", ["Name", "Status"]),
    ("AsyncActivityStatus", ["TaskID", "Status"]),
]


@pytest.mark.parametrize(("name", "names"), OBJECTS, ids=[name for name, _ in OBJECTS])
def test_sfmc_2_7_every_object_is_read_strictly(
    client: zeep.Client, running: Caller, name: str, names: list[str]
) -> None:
    request = _type(client, "RetrieveRequest")(
        ObjectType=name, Properties=names, Options=_type(client, "RetrieveOptions")(BatchSize=5)
    )
    answer = _ask(client, running, "Retrieve", RetrieveRequest=request)
    assert answer.OverallStatus in {"OK", "MoreDataAvailable"}


def test_sfmc_2_3_zeep_sends_dates_in_date_value(client: zeep.Client, running: Caller) -> None:
    part = _type(client, "SimpleFilterPart")
    request = _type(client, "RetrieveRequest")(
        ObjectType="BounceEvent",
        Properties=["EventDate"],
        Filter=_type(client, "ComplexFilterPart")(
            LeftOperand=part(Property="EventDate", SimpleOperator="greaterThan",
                             DateValue=[datetime(2026, 1, 1)]),  # noqa: DTZ001
            LogicalOperator="AND",
            RightOperand=part(Property="EventDate", SimpleOperator="lessThan",
                              DateValue=[datetime(2026, 3, 1)]),  # noqa: DTZ001
        ),
    )  # fmt: skip
    answer = _ask(client, running, "Retrieve", RetrieveRequest=request)
    assert answer.Results
    assert all(row.EventDate.year == 2026 for row in answer.Results)


def test_sfmc_2_7_changes_are_read_strictly(client: zeep.Client, running: Caller) -> None:
    field = _type(client, "DataExtensionField")(
        Name="Id", FieldType="Number", IsPrimaryKey=True, IsRequired=True
    )
    extension = _type(client, "DataExtension")(
        Name="by_zeep", CustomerKey="by_zeep", Fields={"Field": [field]}
    )
    options = _type(client, "CreateOptions")()
    made = _ask(client, running, "Create", Options=options, Objects=[extension])
    assert made.Results[0].StatusMessage == "Data Extension created."
    assert made.Results[0].Object.Fields.Field[0].FieldType == "Number"
    key = _type(client, "DataExtension")(CustomerKey="by_zeep")
    gone = _ask(client, running, "Delete", Options=_type(client, "DeleteOptions")(), Objects=[key])
    assert gone.OverallStatus == "OK"
    held = _type(client, "Automation")(Name="by zeep", CustomerKey="by_zeep")
    object_id = (
        _ask(client, running, "Create", Options=options, Objects=[held]).Results[0].NewObjectID
    )
    automation = _type(client, "Automation")(ObjectID=object_id)
    daily = _type(client, "ScheduleDefinition")(
        Recurrence=_type(client, "DailyRecurrence")(
            DailyRecurrencePatternType="Interval", DayInterval=1
        ),
        RecurrenceType="Daily", RecurrenceRangeType="EndAfter",
        StartDateTime=datetime(2026, 6, 2), Occurrences=1,  # noqa: DTZ001
    )  # fmt: skip
    for name, told in (("Perform", "Performed Activity"), ("Schedule", "Program scheduled.")):
        holder = "Definition" if name == "Perform" else "Interaction"
        more = {} if name == "Perform" else {"Schedule": daily}
        done = _ask(client, running, name, Action="start", **more,
                    **{f"{holder}s": {holder: [automation]}})  # fmt: skip
        assert done.Results.Result[0].StatusMessage == told
    performed = _ask(client, running, "Perform", Action="start", Definitions={
        "Definition": [_type(client, "QueryDefinition")(ObjectID="none")]})  # fmt: skip
    assert performed.OverallStatus == "Error"


def test_sfmc_2_7_describe_and_the_rest_are_read_strictly(
    client: zeep.Client, running: Caller
) -> None:
    described = _ask(client, running, "Describe", DescribeRequests={
        "ObjectDefinitionRequest": [{"ObjectType": "BounceEvent"}]})  # fmt: skip
    assert described.ObjectDefinition[0].Properties[0].Name
    assert _ask(client, running, "VersionInfo", IncludeVersionHistory=False).VersionInfo
    assert _ask(client, running, "GetSystemStatus").OverallStatus == "OK"


def test_sfmc_2_1_what_is_not_supported_is_read_strictly(
    client: zeep.Client, running: Caller
) -> None:
    configured = _ask(client, running, "Configure", Action="update", Configurations={
        "Configuration": [_type(client, "Subscriber")(EmailAddress="a@b.example")]})  # fmt: skip
    assert configured.Results.Result[0].ErrorCode == 8
    executed = _ask(client, running, "Execute", Requests=[{"Name": "Nothing"}])
    assert executed.Results[0].StatusMessage == "Execute is not supported for Nothing."
    asked = {"Query": {"Object": {"ObjectType": "Send", "Properties": ["ID"]}}}
    assert _ask(client, running, "Query", QueryRequest=asked).OverallStatus.startswith("Error: ")


def test_sfmc_2_3_a_fault_is_a_fault_to_zeep(client: zeep.Client, running: Caller) -> None:
    header = xsd.Element(
        "{http://exacttarget.com}fueloauth",
        xsd.ComplexType([xsd.Element("_value_1", xsd.String())]),
    )
    with pytest.raises(zeep.exceptions.Fault, match="Login failed"):
        client.service.Retrieve(
            _soapheaders=[header(_value_1="bad")], RetrieveRequest={"ObjectType": "Send"}
        )
