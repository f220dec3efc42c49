"""What was recorded of the platform and no other test is about. See facts.toml."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from sandbox_caller import PARTNER, RETAIL, XSI, Caller, envelope, props, simple

from sfmc_sandbox.extensions import Field
from sfmc_sandbox.world.tenant import Tenant

EVENT = "<ObjectType>BounceEvent</ObjectType>"
COMMON = ("Client.ID", "SendID", "SubscriberKey", "EventDate", "EventType", "BatchID",
          "TriggeredSendDefinitionObjectID")  # fmt: skip


def test_sfmc_1_a_sign_in_without_account_or_scope_gets_the_packages_own(caller: Caller) -> None:
    answer = caller.sign_in(None).json()
    assert "refresh_token" not in answer
    assert set(answer["scope"].split()) == caller.sandbox.package_scopes
    context = caller.rest("/platform/v1/tokenContext", token=answer["access_token"]).json()
    assert context["organization"] == context["enterprise"]


@pytest.mark.parametrize(
    ("scope", "object_type"),
    [("tracking_events_read", "BounceEvent"), ("tracking_events_read", "Send"),
     ("data_extensions_read", "DataExtension"), ("automations_read", "QueryDefinition"),
     ("list_and_subscribers_read", "Subscriber"), ("accounts_read", "BusinessUnit")],
)  # fmt: skip
def test_sfmc_1_each_object_needs_its_scope_and_no_other(
    caller: Caller, scope: str, object_type: str
) -> None:
    asked = f"<ObjectType>{object_type}</ObjectType>"
    alone = caller.retrieve(asked, token=caller.token(scope=scope))
    assert alone.first("OverallStatus") in {"OK", "MoreDataAvailable"}
    rest = " ".join(caller.sandbox.package_scopes - {scope})
    without = caller.retrieve(asked, token=caller.token(scope=rest))
    assert (without.first("OverallStatus") or "").startswith("Error: API Permission Failed")


def test_sfmc_2_1_an_answers_header_is_addressed_and_stamped(caller: Caller) -> None:
    asked = envelope(
        '<RetrieveRequestMsg xmlns="http://exacttarget.com/wsdl/partnerAPI"><RetrieveRequest>'
        f"{EVENT}</RetrieveRequest></RetrieveRequestMsg>",
        caller.token(),
    ).replace("<s:Header>", '<s:Header><a:MessageID xmlns:a="urn:a">urn:uuid:1</a:MessageID>')
    answer = caller.post(asked)
    assert answer.first("Action") == "RetrieveResponse"
    assert answer.first("RelatesTo") == "urn:uuid:1"
    assert (answer.first("MessageID") or "").startswith("urn:uuid:")
    assert (answer.first("To") or "").endswith("/role/anonymous")
    created, expires = (
        datetime.fromisoformat(str(answer.first(name))) for name in ("Created", "Expires")
    )
    assert (expires - created).total_seconds() == 300
    fault = caller.post(envelope("<Nothing/>", "nonsense"))
    assert fault.first("Action") == "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault"


def test_sfmc_2_1_dates_have_no_offset_and_no_zeros_at_their_end(caller: Caller) -> None:
    dates = caller.retrieve(EVENT + props("EventDate")).every("EventDate")
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d*[1-9])?", str(d)) for d in dates)
    assert len({len(str(date)) for date in dates}) > 1


@pytest.mark.parametrize(
    ("object_type", "names"),
    [
        ("BounceEvent", (*COMMON, "SMTPCode", "SMTPReason", "BounceCategory", "BounceType")),
        ("SentEvent", (*COMMON, "ListID", "SubscriberID")),
        ("NotSentEvent", COMMON),
        ("OpenEvent", COMMON),
        ("ClickEvent", (*COMMON, "URLID", "URL")),
        ("UnsubEvent", (*COMMON, "IsMasterUnsubscribed")),
        ("Send", ("ID", "EmailName", "Subject", "FromName", "SentDate", "ModifiedDate", "Status",
                  "Email.ID", "NumberSent", "NumberDelivered", "HardBounces", "SoftBounces",
                  "OtherBounces", "Unsubscribes", "Duplicates", "InvalidAddresses",
                  "ExistingUndeliverables", "ExistingUnsubscribes", "MissingAddresses")),
        ("Subscriber", ("ID", "PartnerKey", "CreatedDate", "Client.ID", "EmailAddress",
                        "SubscriberKey", "UnsubscribedDate", "Status", "EmailTypePreference")),
        ("ListSubscriber", ("Status", "ListID", "SubscriberKey")),
    ],
)  # fmt: skip
def test_sfmc_2_2_what_is_retrievable(
    caller: Caller, object_type: str, names: tuple[str, ...]
) -> None:
    asked = f"<ObjectType>{object_type}</ObjectType>{props(*names)}"
    answer = caller.retrieve(asked + "<Options><BatchSize>20</BatchSize></Options>")
    assert answer.first("OverallStatus") in {"OK", "MoreDataAvailable"}
    seen = {key for row in answer.results for key in row}
    told = {name.partition(".")[0] for name in names} - {
        "TriggeredSendDefinitionObjectID", "UnsubscribedDate", "ListID", "SubscriberID",
    }  # fmt: skip
    assert told <= seen | {"Client", "Email"}


@pytest.mark.parametrize("name", ["CreatedDate", "ModifiedDate", "ID", "CustomerKey", "Owner"])
def test_sfmc_2_2_a_bounce_has_none_of_the_common_fields(caller: Caller, name: str) -> None:
    status = caller.retrieve(EVENT + props("SendID", name)).first("OverallStatus")
    assert status == (
        f"Error: The Request Property(s) {name} do not match with the fields of BounceEvent "
        "retrieve"
    )


@pytest.mark.parametrize("name", ["Complaint", "SubscriberSendEvent"])
def test_sfmc_2_2_some_objects_do_not_exist(caller: Caller, name: str) -> None:
    status = caller.retrieve(f"<ObjectType>{name}</ObjectType>").first("OverallStatus")
    assert (status or "").startswith(f"Error: Unable to find a handler for object type: {name}.")


def test_sfmc_2_3_elements_may_come_in_any_order(caller: Caller) -> None:
    parts = [EVENT, props("SMTPCode"), simple("SMTPCode", "equals", "550"),
             "<Options><BatchSize>3</BatchSize></Options>"]  # fmt: skip
    token = caller.token()
    one, two = (caller.retrieve("".join(p), token=token) for p in (parts, parts[::-1]))
    assert one.results == two.results
    assert [row["SMTPCode"] for row in two.results] == ["550"] * 3


def test_sfmc_2_3_a_missing_scope_and_a_security_fault_have_their_names(caller: Caller) -> None:
    token = caller.token(scope="data_extensions_read")
    status = caller.retrieve(EVENT + props("SendID"), token=token).first("OverallStatus")
    assert (status or "").startswith("Error: API Permission Failed")
    fault = caller.post(envelope("<VersionInfoRequestMsg/>", "nonsense"))
    code = next(node for node in fault.root.iter() if node.tag == "faultcode")
    assert code.nsmap["q0"].endswith("oasis-200401-wss-wssecurity-secext-1.0.xsd")


def test_sfmc_2_6_an_extract_answers_with_an_empty_result(caller: Caller) -> None:
    answer = caller.soap(
        f'<ExtractRequestMsg xmlns="http://exacttarget.com/wsdl/partnerAPI" {XSI}><Requests>'
        "<ID>bb94a04d-9632-4623-be47-daabc3f588a6</ID><Options /></Requests></ExtractRequestMsg>"
    )
    assert (answer.first("OverallStatus") or "").startswith("Error: ")
    names = [node.tag.removeprefix(PARTNER) for node in answer.root[1][0]]
    assert names == ["OverallStatus", "RequestID", "Results"]


def test_sfmc_3_errors_have_code_message_and_documentation(caller: Caller) -> None:
    caller.sandbox.extensions.make(RETAIL, "recorded", "recorded", (Field("Id", "Number"),))
    token = caller.token()
    seen = {}
    for body in (
        b"{",
        b"[]",
        b'{"name": "x"}',
        b'{"name": "x", "queryText": "q", "categoryId": "x", "targetKey": "recorded"}',
    ):
        answer = caller.rest("/automation/v1/queries", token=token, method="POST", content=body)
        assert set(answer.json()) == {"message", "errorcode", "documentation"}
        seen[answer.json()["errorcode"]] = answer.status_code
    assert seen == {10004: 400, 10003: 400, 10002: 400, 10001: 400}


def test_sfmc_3_lists_have_count_page_and_size(caller: Caller) -> None:
    answer = caller.rest("/automation/v1/automations?$page=1&$pageSize=1").json()
    assert list(answer) == ["count", "page", "pageSize", "items"]
    assert (answer["page"], answer["pageSize"]) == (1, 1)


def test_sfmc_3_automations_have_the_recorded_statuses() -> None:
    from sfmc_sandbox.wire.rest_automations import STATUSES

    assert STATUSES == {
        -1: "Error", 0: "BuildingError", 1: "Building", 2: "Ready", 3: "Running",
        4: "PausedSchedule", 5: "Stopped", 6: "Scheduled", 7: "AwaitingTrigger",
        8: "InactiveTrigger",
    }  # fmt: skip


def test_sfmc_4_9_one_bounce_is_spelled_one_way_in_soap_and_another_in_sql(
    caller: Caller, tenant: Tenant
) -> None:
    sql, _ = caller.sandbox.queries.to_duckdb(
        RETAIL,
        "SELECT JobID, BatchID, SubscriberKey, EventDate, BounceCategory, BounceType, SMTPCode, "
        "SMTPBounceReason, BounceSubcategoryID, SMTPMessage FROM _Bounce",
    )
    viewed = {row[:4]: row[4:] for row in tenant.db.cursor().execute(sql).fetchall()}
    names = ("SendID", "BatchID", "SubscriberKey", "EventDate", "EventType", "BounceCategory",
             "BounceType", "SMTPCode", "SMTPReason")  # fmt: skip
    kinds = {"Hard bounce": "HardBounce", "Soft bounce": "SoftBounce"}
    late = simple("EventDate", "greaterThan", "2026-02-01T00:00:00")
    rows = caller.retrieve(EVENT + props(*names) + late).results
    assert len(rows) > 100
    for row in rows:
        assert row["EventType"] == kinds.get(str(row["BounceCategory"]), "OtherBounce")
        numbers = int(row["SendID"] or 0), int(row["BatchID"] or 0)
        moment = datetime.fromisoformat(str(row["EventDate"]))
        found = viewed[*numbers, str(row["SubscriberKey"]), moment]
        code = None if found[2] is None else str(int(found[2]))
        told = row["BounceCategory"], row["BounceType"], row.get("SMTPCode"), row["SMTPReason"]
        assert told == (*found[:2], code, found[3])


def _columns(caller: Caller, view: str) -> list[str]:
    _, columns = caller.sandbox.queries.to_duckdb(7_000_100, f"SELECT * FROM {view}")
    return [column.lower() for column in columns]


SENT = ["accountid", "oybaccountid", "jobid", "listid", "batchid", "subscriberid", "subscriberkey",
        "eventdate"]  # fmt: skip
TRIGGERED = ["triggerersenddefinitionobjectid", "triggeredsendcustomerkey"]


def test_sfmc_4_2_sent_has_no_is_unique(caller: Caller) -> None:
    assert _columns(caller, "_Sent") == [*SENT, "domain", *TRIGGERED]


def test_sfmc_4_5_a_complaint_has_ten_columns(caller: Caller) -> None:
    assert _columns(caller, "_Complaint") == [*SENT, "isunique", "domain"]


def test_sfmc_4_6_open_is_sent_with_is_unique_and_click_is_more(caller: Caller) -> None:
    opened, clicked = _columns(caller, "_Open"), _columns(caller, "_Click")
    assert set(opened) == {*_columns(caller, "_Sent"), "isunique"}
    assert set(clicked) == {*opened, "url", "linkname", "linkcontent"}


def test_sfmc_4_3_a_job_has_the_recorded_columns(caller: Caller) -> None:
    assert _columns(caller, "_Job") == [
        "jobid", "emailid", "accountid", "accountuserid", "fromname", "fromemail", "schedtime",
        "pickuptime", "deliveredtime", "eventid", "ismultipart", "jobtype", "jobstatus",
        "modifiedby", "modifieddate", "emailname", "emailsubject", "iswrapped", "testemailaddr",
        "category", "bccemail", "originalschedtime", "createddate", "characterset", "ipaddress",
        "salesforcetotalsubscribercount", "salesforceerrorsubscribercount", "sendtype",
        "dynamicemailsubject", "suppresstracking", "sendclassificationtype", "sendclassification",
        "resolvelinkswithcurrentdata", "emailsenddefinition", "deduplicatebyemail", *TRIGGERED,
    ]  # fmt: skip


def test_sfmc_4_7_who_left_a_business_unit(caller: Caller) -> None:
    assert _columns(caller, "_BusinessUnitUnsubscribes") == [
        "businessunitid", "subscriberid", "subscriberkey", "unsubdateutc", "unsubreason",
    ]  # fmt: skip


def test_sfmc_4_8_who_is_on_a_list(caller: Caller) -> None:
    assert _columns(caller, "_ListSubscribers") == [
        "addedby", "addmethod", "createddate", "dateunsubscribed", "emailaddress", "listid",
        "listname", "listtype", "status", "subscriberid", "subscriberkey", "subscribertype",
    ]  # fmt: skip


def test_sfmc_8_an_unknown_kind_of_event_is_refused(caller: Caller) -> None:
    body = [{"callbackId": "none", "subscriptionName": "x",
             "eventCategoryTypes": ["EngagementEvents.EmailBounced"]}]  # fmt: skip
    answer = caller.rest("/platform/v1/ens-subscriptions", method="POST", json=body)
    assert answer.status_code == 400
