"""What clients read on their way: objects without rows, empty lists, where the services are."""

from __future__ import annotations

import pytest
from sandbox_caller import PARTNER, RETAIL, Answer, Caller, props, simple

from sfmc_sandbox.wire.rest_known import EMPTY
from sfmc_sandbox.wire.soap_known import NAMES, elements_of

DERIVED = [
    ("ListSend", ["SendID", "List.ID", "HardBounces", "NumberSent"]),
    ("TriggeredSendDefinition", ["CustomerKey", "TriggeredSendStatus", "Email.ID"]),
    ("SubscriberList", ["Status", "List.ID", "Subscriber.SubscriberKey"]),
    ("Account", ["ID", "Name", "AccountType"]),
    ("AccountUser", ["UserID", "ActiveFlag", "IsAPIUser"]),
]


def test_the_wsdl_knows_the_objects_without_rows() -> None:
    assert [name for name in NAMES if "ObjectID" not in elements_of(name)] == []


@pytest.mark.parametrize("name", ["ContentArea", "SenderProfile", "SubscriberSendResult"])
def test_sfmc_2_2_an_object_of_which_there_are_none_is_ok(caller: Caller, name: str) -> None:
    answer = caller.retrieve(
        f"<ObjectType>{name}</ObjectType>" + props("ObjectID", "CustomerKey")
        + simple("CustomerKey", "equals", "x")
    )  # fmt: skip
    assert (answer.first("OverallStatus"), answer.results) == ("OK", [])
    asked = f"<ObjectType>{name}</ObjectType>" + props("Nonsense")
    told = caller.retrieve(asked).first("OverallStatus") or ""
    assert "Request Property(s) Nonsense do not match" in told


@pytest.mark.parametrize(("name", "names"), DERIVED, ids=[name for name, _ in DERIVED])
def test_objects_that_follow_from_others_have_their_values(
    caller: Caller, name: str, names: list[str]
) -> None:
    inner = f"<ObjectType>{name}</ObjectType>" + props(*names, "CorrelationID")
    answer = caller.retrieve(inner + "<Options><BatchSize>5</BatchSize></Options>")
    assert answer.results
    for row in answer.results:
        assert all(row[name.rpartition(".")[2]] for name in names)
        assert "CorrelationID" not in row


def test_rows_have_a_key_of_the_platforms_own(caller: Caller) -> None:
    inner = "<ObjectType>DataExtensionObject[bouncelens_sends]</ObjectType>"
    inner += props("JobID", "_CustomObjectKey") + "<Options><BatchSize>3</BatchSize></Options>"
    answer = caller.retrieve(inner)
    assert answer.every("Name") == ["JobID", "_CustomObjectKey"] * 3
    assert len(set(answer.every("Value")[1::2])) == 3


def test_lists_of_what_there_is_not_are_empty(caller: Caller) -> None:
    token = caller.token()
    for path, name in EMPTY.items():
        answer = caller.rest(f"{path}/?$pageSize=500&$page=1", token=token)
        assert (answer.status_code, answer.json()[name]) == (200, []), path


def test_sfmc_3_an_unknown_campaign_is_told_in_the_recorded_words(caller: Caller) -> None:
    answer = caller.rest("/hub/v1/campaigns/12")
    told = {"message": "Campaign ID is invalid", "errorcode": 10000, "documentation": ""}
    assert (answer.status_code, answer.json()) == (400, told)


def test_a_path_may_begin_with_two_slashes(caller: Caller) -> None:
    answer = caller.rest("//hub/v1/campaigns")
    assert (answer.status_code, answer.json()["count"]) == (200, 0)


def test_the_services_of_a_tenant_are_found(caller: Caller) -> None:
    soap = caller.rest("/platform/v1/endpoints/soap").json()
    assert soap == {"url": f"{caller.url}/Service.asmx"}
    assert {"type": "soap", **soap} in caller.rest("/platform/v1/endpoints").json()["items"]
    assert caller.rest("/platform/v1/endpoints/fax").status_code == 404


@pytest.mark.parametrize(
    ("kind", "body", "changed"),
    [
        ("dataextracts", {"name": "x", "fileSpec": "x.zip",
                          "dataExtractTypeId": "c7219016-a7f0-4c72-8657-1ec12c28a0db"},
         {"dataExtractTypeId": "nonsense"}),
        ("filetransfers", {"name": "x", "fileSpec": "x.zip"}, {"fileTransferLocationId": "y"}),
        ("imports", {"name": "x", "fileNamingPattern": "x.csv"}, {"updateTypeId": 3}),
    ],
)  # fmt: skip
def test_activities_are_changed_and_deleted(
    caller: Caller, kind: str, body: dict[str, str], changed: dict[str, object]
) -> None:
    path, token = f"/automation/v1/{kind}", caller.token()
    if kind == "imports":
        target = caller.sandbox.extensions.find(RETAIL, "bouncelens_sends")
        body = {**body, "destinationObjectId": target.object_id if target else ""}
    made = caller.rest(path, method="POST", token=token, json=body).json()
    names = {"dataextracts": "dataExtractDefinitionId", "imports": "importDefinitionId"}
    own = f"{path}/{made[names.get(kind, 'id')]}"
    answer = caller.rest(own, method="PATCH", token=token, json={"name": "y", "id": "z"})
    assert answer.json() == {**made, "name": "y", "modifiedDate": answer.json()["modifiedDate"]}
    assert caller.rest(own, method="PATCH", token=token, json=changed).status_code == 400
    assert caller.rest(own, token=token).json() == answer.json()
    assert caller.rest(own, method="DELETE", token=token).json() == "OK"
    assert caller.rest(own, token=token).status_code == 404
    assert caller.rest(own, method="DELETE", token=token).status_code == 404


def _change(caller: Caller, verb: str, inner: str) -> Answer:
    return caller.soap(
        f'<{verb}Request xmlns="{PARTNER[1:-1]}"><Objects xsi:type="DataFolder">{inner}</Objects>'
        f"</{verb}Request>"
    )


def test_rest_makes_a_folder_and_soap_lays_a_data_extension_into_it(caller: Caller) -> None:
    body = {"parentCatId": 1001, "name": "by rest", "catType": "dataextension"}
    made = caller.rest("/email/v1/category", method="POST", json=body).json()
    wrong = caller.rest("/email/v1/category", method="POST", json={**body, "catType": "list"})
    assert wrong.status_code == 400
    fields = "<Fields><Field><Name>A</Name><FieldType>Number</FieldType></Field></Fields>"
    inner = f"<Name>laid</Name><CategoryID>{made['categoryId']}</CategoryID>{fields}"
    caller.soap(
        f'<CreateRequest xmlns="{PARTNER[1:-1]}"><Objects xsi:type="DataExtension">{inner}'
        "</Objects></CreateRequest>"
    )
    found = caller.retrieve(
        "<ObjectType>DataExtension</ObjectType>" + props("CategoryID")
        + simple("CustomerKey", "equals", "laid")
    )  # fmt: skip
    assert found.first("CategoryID") == str(made["categoryId"])
    gone = caller.sandbox.extensions.find(RETAIL, "laid")
    assert gone is not None
    caller.sandbox.extensions.remove(gone)


def test_folders_are_made_below_others_renamed_and_deleted_when_empty(caller: Caller) -> None:
    inside = "<ParentFolder><ID>{}</ID></ParentFolder><ContentType>DataExtension</ContentType>"
    made = _change(caller, "Create", "<Name>Upper</Name>" + inside.format(1001))
    assert made.first("StatusMessage") == "Folder created successfully."
    upper = made.first("NewID")
    lower = _change(caller, "Create", "<Name>Lower</Name>" + inside.format(upper)).first("NewID")
    renamed = _change(caller, "Update", f"<ID>{upper}</ID><Name>Top</Name>")
    assert renamed.first("OverallStatus") == "OK"
    told = caller.retrieve(
        "<ObjectType>DataFolder</ObjectType>" + props("Name", "ParentFolder.Name")
        + simple("ParentFolder.ID", "equals", str(upper))
    ).results  # fmt: skip
    assert [row["Name"] for row in told] == ["Lower"]
    assert caller.sandbox.folders.by_key(RETAIL, "upper") is not None
    assert _change(caller, "Delete", f"<ID>{upper}</ID>").first("OverallStatus") == "Error"
    for number in (lower, upper):
        gone = _change(caller, "Delete", f"<ID>{number}</ID>")
        assert gone.first("StatusMessage") == "Folder deleted successfully."


@pytest.mark.parametrize(
    ("verb", "inner"),
    [
        ("Create", "<Name>x</Name><ParentFolder><ID>²</ID></ParentFolder>"),
        ("Create", "<ParentFolder><ID>1001</ID></ParentFolder>"),
        ("Create", ("<Name>x</Name><ParentFolder><ID>1001</ID></ParentFolder>"
                   "<ContentType>list</ContentType>")),
        ("Update", "<ID>1001</ID><Name>x</Name>"),
        ("Delete", "<ID>1001</ID>"),
        ("Delete", "<CustomerKey>nowhere</CustomerKey>"),
    ],
)  # fmt: skip
def test_what_is_no_folder_of_ones_own_is_refused(caller: Caller, verb: str, inner: str) -> None:
    answer = _change(caller, verb, inner)
    assert (answer.status, answer.first("OverallStatus")) == (200, "Error")


def test_an_automation_is_found_as_fuelsdkwrapper_looks_for_it(caller: Caller) -> None:
    sandbox = caller.sandbox
    made = sandbox.activities.add_automation(
        RETAIL, "wrapped", "wrapped", steps=[], now=sandbox.now()
    )
    found = caller.retrieve(
        "<ObjectType>Automation</ObjectType>" + props("CustomerKey", "ProgramID", "Name")
        + simple("CustomerKey", "equals", "wrapped")
    )  # fmt: skip
    assert (found.results[0]["ObjectID"], found.first("ProgramID")) == (made, None)
    sandbox.activities.remove("automation", made)
