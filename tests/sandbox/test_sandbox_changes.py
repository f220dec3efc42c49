"""Create, Update, Delete, Perform, Describe over SOAP: sections 2.3 to 2.5 of the fact sheet."""

from __future__ import annotations

import time

import pytest
from sandbox_caller import PARTNER, RETAIL, XSI, Answer, Caller, both, props, simple

NS = f'xmlns="http://exacttarget.com/wsdl/partnerAPI" {XSI}'
FIELDS = (
    "<Fields><Field><CustomerKey>JobID</CustomerKey><Name>JobID</Name><IsRequired>true"
    "</IsRequired><IsPrimaryKey>true</IsPrimaryKey><FieldType>Number</FieldType></Field>"
    "<Field><Name>Note</Name><MaxLength>10</MaxLength><FieldType>Text</FieldType></Field></Fields>"
)
UPSERT = (
    "<Options><SaveOptions><SaveOption><PropertyName>*</PropertyName><SaveAction>UpdateAdd"
    "</SaveAction></SaveOption></SaveOptions></Options>"
)


def _change(
    caller: Caller, verb: str, kind: str, inner: str, options: str = "<Options />"
) -> Answer:
    return caller.soap(
        f'<{verb}Request {NS}>{options}<Objects xsi:type="{kind}">{inner}</Objects></{verb}Request>'
    )


def _extension(caller: Caller, key: str) -> Answer:
    named = f"<CustomerKey>{key}</CustomerKey><Name>{key}</Name>"
    return _change(caller, "Create", "DataExtension", named + FIELDS)


def _row(job: int, note: str) -> str:
    pair = "<Name>{}</Name><Value>{}</Value>"
    return (
        f"<Keys><Key>{pair.format('JobID', job)}</Key></Keys>"
        f"<Properties><Property>{pair.format('Note', note)}</Property></Properties>"
    )


def test_sfmc_2_4_a_data_extension_is_created_with_the_recorded_words(caller: Caller) -> None:
    answer = _extension(caller, "made_by_soap")
    assert answer.first("OverallStatus") == "OK"
    assert answer.first("StatusMessage") == "Data Extension created."
    assert answer.first("NewObjectID") == answer.first("ObjectID")
    names = [node.tag.removeprefix(PARTNER) for node in answer.root[1][0][0]]
    assert names == [
        "StatusCode", "StatusMessage", "OrdinalID", "NewID", "NewObjectID", "Object",
    ]  # fmt: skip
    assert answer.every("FieldType") == ["Number", "Text"]
    again = _extension(caller, "made_by_soap")
    assert again.first("OverallStatus") == "Error"


def test_sfmc_2_5_fields_are_read_by_the_keys_filter(caller: Caller) -> None:
    _extension(caller, "with_fields")
    rows = caller.retrieve(
        "<ObjectType>DataExtensionField</ObjectType>"
        + props("CustomerKey", "Name", "FieldType", "IsPrimaryKey", "Ordinal", "MaxLength")
        + simple("DataExtension.CustomerKey", "equals", "with_fields")
    ).results
    assert [row["CustomerKey"] for row in rows] == ["[with_fields].[JobID]", "[with_fields].[Note]"]
    assert [row["IsPrimaryKey"] for row in rows] == ["true", "false"]
    assert [row["FieldType"] for row in rows] == ["Number", "Text"]


def test_sfmc_2_5_rows_are_upserted_read_and_deleted(caller: Caller) -> None:
    _extension(caller, "rows")
    key = "<CustomerKey>rows</CustomerKey>"
    for note in ("one", "two"):
        done = _change(caller, "Update", "DataExtensionObject", key + _row(7, note), UPSERT)
        assert done.first("OverallStatus") == "OK"
    head = "<ObjectType>DataExtensionObject[rows]</ObjectType>"
    answer = caller.retrieve(head + props("JobID", "Note"))
    pairs = [[c.text for c in node] for node in answer.root.iter(f"{PARTNER}Property")]
    assert pairs == [["JobID", "7"], ["Note", "two"]]
    # `*` is no list of properties: OK, and no rows.
    assert caller.retrieve(head + props("*")).results == []
    twice = _change(caller, "Create", "DataExtensionObject", key + _row(7, "x"))
    assert "PRIMARY KEY" in (twice.first("StatusMessage") or "")
    long = _change(caller, "Create", "DataExtensionObject", key + _row(8, "x" * 11))
    assert long.first("OverallStatus") == "Error"
    gone = _change(caller, "Delete", "DataExtensionObject", key + _row(7, "two"))
    assert gone.first("OverallStatus") == "OK"
    assert caller.retrieve(head + props("JobID")).results == []


def test_sfmc_2_5_deleting_a_data_extension(caller: Caller) -> None:
    _extension(caller, "short_lived")
    gone = _change(caller, "Delete", "DataExtension", "<CustomerKey>short_lived</CustomerKey>")
    assert gone.first("StatusMessage") == "Data Extension deleted. / Data Extension Fields deleted"
    found = caller.retrieve("<ObjectType>DataExtension</ObjectType>" + props("Name")
                            + simple("CustomerKey", "equals", "short_lived"))  # fmt: skip
    assert found.results == []


def _person(key: str, status: str = "", address: str = "new.person@gmail.com") -> str:
    told = f"<Status>{status}</Status>" if status else ""
    return f"<EmailAddress>{address}</EmailAddress><SubscriberKey>{key}</SubscriberKey>{told}"


def test_sfmc_2_5_a_subscriber_is_created_once(caller: Caller) -> None:
    made = _change(caller, "Create", "Subscriber", _person("person-1"))
    assert made.first("StatusMessage") == "Created Subscriber."
    again = _change(caller, "Create", "Subscriber", _person("person-1"))
    assert again.first("StatusMessage") == "The subscriber is already on the list"
    assert (again.first("ErrorCode"), again.first("NewID")) == ("12014", "0")
    upserted = _change(caller, "Create", "Subscriber", _person("person-1"), UPSERT)
    assert upserted.first("StatusMessage") == "Updated Subscriber."
    gone = _change(caller, "Delete", "Subscriber", _person("person-1"))
    assert gone.first("StatusMessage") == "Subscriber deleted"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("Unsubscribed", "OK"), ("Active", "OK"), ("Held", "Error"), ("Bounced", "Error"),
     ("Nonsense", "Error")],
)  # fmt: skip
def test_sfmc_2_5_which_statuses_the_api_may_set(caller: Caller, status: str, outcome: str) -> None:
    _change(caller, "Create", "Subscriber", _person("person-2"), UPSERT)
    done = _change(caller, "Update", "Subscriber", _person("person-2", status))
    assert done.first("OverallStatus") == outcome


def test_sfmc_2_5_held_becomes_active_by_an_update(caller: Caller) -> None:
    head = "<ObjectType>Subscriber</ObjectType>" + props("SubscriberKey", "Status", "EmailAddress")
    one = caller.retrieve(head + simple("Status", "equals", "Held")).results[0]
    key = str(one["SubscriberKey"])
    _change(caller, "Update", "Subscriber", _person(key, "Active", str(one["EmailAddress"])))
    after = caller.retrieve(head + simple("SubscriberKey", "equals", key)).results[0]
    assert after["Status"] == "Active"


def test_sfmc_2_3_overall_status_has_errors_when_some_objects_fail(caller: Caller) -> None:
    good = f'<Objects xsi:type="Subscriber">{_person("person-3")}</Objects>'
    bad = f'<Objects xsi:type="Subscriber">{_person("person-4", address="nobody")}</Objects>'
    answer = caller.soap(f"<CreateRequest {NS}>{UPSERT}{good}{bad}</CreateRequest>")
    assert answer.first("OverallStatus") == "Has Errors"
    assert answer.every("StatusCode") == ["OK", "Error"]
    assert answer.every("OrdinalID") == ["0", "1"]


QUERY = (
    "<Name>q</Name><CustomerKey>{key}</CustomerKey><QueryText>{text}</QueryText>"
    "<TargetType>DE</TargetType><TargetUpdateType>Overwrite</TargetUpdateType>"
    "<DataExtensionTarget><CustomerKey>{target}</CustomerKey></DataExtensionTarget>"
)


def test_sfmc_2_4_a_query_is_performed_by_object_id_and_polled(caller: Caller) -> None:
    _extension(caller, "query_target")
    text = "SELECT DISTINCT JobID, 'x' AS Note FROM _Bounce"
    made = _change(caller, "Create", "QueryDefinition",
                   QUERY.format(key="q1", text=text, target="query_target"))  # fmt: skip
    assert made.first("OverallStatus") == "OK"
    found = caller.retrieve(
        "<ObjectType>QueryDefinition</ObjectType>"
        + props("ObjectID", "Name", "DataExtensionTarget.CustomerKey", "DataExtensionTarget.Name")
        + both(simple("CustomerKey", "equals", "q1"), simple("Status", "equals", "Active"))
    )
    assert found.first("CustomerKey") == "query_target"
    done = _perform(caller, f"<ObjectID>{found.first('ObjectID')}</ObjectID>")
    assert done.first("StatusMessage") == "QueryDefinition perform called successfully"
    task = str(done.first("ID"))
    assert _outcome(caller, task) == "Complete"
    rows = caller.retrieve("<ObjectType>DataExtensionObject[query_target]</ObjectType>"
                           + props("JobID")).results  # fmt: skip
    assert len(rows) > 10
    by_key = _perform(caller, "<CustomerKey>q1</CustomerKey>")
    assert (by_key.first("OverallStatus"), by_key.first("ErrorCode")) == ("Error", "2")


def _perform(caller: Caller, inner: str, kind: str = "QueryDefinition", action: str = "start"
             ) -> Answer:  # fmt: skip
    return caller.soap(
        f"<PerformRequestMsg {NS}><Action>{action}</Action><Definitions>"
        f'<Definition xsi:type="{kind}">{inner}</Definition></Definitions></PerformRequestMsg>'
    )


def _outcome(caller: Caller, task: str, *, by: str = "TaskID") -> str:
    head = "<ObjectType>AsyncActivityStatus</ObjectType>" + props("Status", "TaskID", "ErrorMsg")
    for _ in range(200):
        answer = caller.retrieve(head + simple(by, "equals", task))
        assert 'xsi:type="ObjectExtension"' in answer.text
        pairs = dict(zip(answer.every("Name"), answer.every("Value"), strict=True))
        if pairs["Status"] != "Processing":
            return str(pairs["Status"])
        time.sleep(0.05)
    raise AssertionError("the query did not end")


def test_a_query_with_a_wrong_column_is_not_created(caller: Caller) -> None:
    _extension(caller, "query_target_2")
    made = _change(caller, "Create", "QueryDefinition",
                   QUERY.format(key="q2", text="SELECT SMTPStatusCode AS JobID FROM _Bounce",
                                target="query_target_2"))  # fmt: skip
    assert "Invalid column name 'SMTPStatusCode'" in (made.first("StatusMessage") or "")


def test_sfmc_2_5_clear_data(caller: Caller) -> None:
    _extension(caller, "to_clear")
    _change(caller, "Create", "DataExtensionObject",
            "<CustomerKey>to_clear</CustomerKey>" + _row(1, "x"))  # fmt: skip
    done = _perform(caller, "<CustomerKey>to_clear</CustomerKey>", "DataExtension", "ClearData")
    assert done.first("OverallStatus") == "OK"
    assert caller.retrieve("<ObjectType>DataExtensionObject[to_clear]</ObjectType>"
                           + props("JobID")).results == []  # fmt: skip


def test_sfmc_2_5_an_automation_is_performed(caller: Caller) -> None:
    made = _change(caller, "Create", "Automation", "<Name>nightly</Name>")
    done = _perform(caller, f"<ObjectID>{made.first('ObjectID')}</ObjectID>", "Automation")
    assert done.first("StatusMessage") == "Performed Activity"
    assert done.first("Task") is None
    assert _outcome(caller, str(made.first("ObjectID")), by="ParentInteractionObjectID") == (
        "Complete"
    )
    gone = _change(caller, "Delete", "Automation",
                   f"<ObjectID>{made.first('ObjectID')}</ObjectID>")  # fmt: skip
    assert gone.first("StatusMessage") == "Program deleted"


@pytest.mark.parametrize("kind", ["BounceEvent", "Send", "Subscriber", "DataExtension"])
def test_sfmc_2_3_describe_names_properties_and_their_types(caller: Caller, kind: str) -> None:
    answer = caller.soap(
        f"<DefinitionRequestMsg {NS}><DescribeRequests><ObjectDefinitionRequest><ObjectType>{kind}"
        "</ObjectType></ObjectDefinitionRequest></DescribeRequests></DefinitionRequestMsg>"
    )
    assert answer.first("ObjectType") == kind
    assert set(answer.every("DataType")) <= {
        "Int32", "String", "DateTime", "Boolean", "EventType", "EmailType", "SubscriberStatus",
    }  # fmt: skip
    retrievable = [
        row.find(f"{PARTNER}Name").text
        for row in answer.root.iter(f"{PARTNER}Properties")
        if row.find(f"{PARTNER}IsRetrievable").text == "true"
    ]
    asked = caller.retrieve(f"<ObjectType>{kind}</ObjectType>{props(*retrievable)}")
    assert not (asked.first("OverallStatus") or "").startswith("Error")
    if kind == "Subscriber":
        assert "Attributes" not in retrievable


def test_sfmc_2_1_version_and_status(caller: Caller) -> None:
    version = caller.soap(f"<VersionInfoRequestMsg {NS}><IncludeVersionHistory>false"
                          "</IncludeVersionHistory></VersionInfoRequestMsg>")  # fmt: skip
    assert version.first("Version")
    status = caller.soap(f"<SystemStatusRequestMsg {NS} />")
    assert status.first("SystemStatus") == "OK"


def test_sfmc_0_1_live_elements_can_be_switched_on(caller: Caller) -> None:
    head = "<ObjectType>BounceEvent</ObjectType>" + props("SendID")
    assert "IsPlatformObject" not in caller.retrieve(head).text
    caller.sandbox.live_elements = True
    try:
        assert "IsPlatformObject" in caller.retrieve(head).text
    finally:
        caller.sandbox.live_elements = False


def test_a_token_without_the_scope_changes_nothing(caller: Caller) -> None:
    token = caller.token(RETAIL, scope="data_extensions_read")
    answer = caller.soap(
        f'<CreateRequest {NS}><Options /><Objects xsi:type="DataExtension"><Name>no</Name>{FIELDS}'
        "</Objects></CreateRequest>",
        token=token,
    )
    assert answer.first("OverallStatus") == "Error"


def test_sfmc_2_5_a_data_extension_gets_further_fields(caller: Caller) -> None:
    _extension(caller, "growing")
    more = (
        "<CustomerKey>growing</CustomerKey><Fields><Field><Name>More</Name>"
        "<FieldType>Decimal</FieldType></Field></Fields>"
    )
    done = _change(caller, "Update", "DataExtension", more)
    assert done.first("StatusMessage") == "Data Extension updated."
    rows = caller.retrieve(
        "<ObjectType>DataExtensionField</ObjectType>" + props("Name", "FieldType")
        + simple("DataExtension.CustomerKey", "equals", "growing")
    ).results  # fmt: skip
    assert {"Name": "More", "FieldType": "Decimal", "PartnerKey": None, "ObjectID": None} in rows


PAUSED = "Schedule Paused. To reactivate the schedule use proxy.Schedule with the action 'start'."


@pytest.mark.parametrize(
    ("action", "status", "told"),
    [("start", "6", "Program scheduled."),
     ("pause", "4", PAUSED)],
)  # fmt: skip
def test_sfmc_2_5_an_automation_is_scheduled_and_paused(
    caller: Caller, action: str, status: str, told: str
) -> None:
    made = _change(caller, "Create", "Automation", f"<Name>scheduled-{action}</Name>")
    number = made.first("ObjectID")
    done = caller.soap(
        f"<ScheduleRequestMsg {NS}><Action>{action}</Action><Interactions>"
        f'<Interaction xsi:type="Automation"><ObjectID>{number}</ObjectID></Interaction>'
        "</Interactions></ScheduleRequestMsg>"
    )
    assert (done.first("OverallStatus"), done.first("StatusMessage")) == ("OK", told)
    found = caller.retrieve("<ObjectType>Automation</ObjectType>" + props("Status")
                            + simple("ObjectID", "equals", str(number))).results  # fmt: skip
    assert [row["Status"] for row in found] == [status]


@pytest.mark.parametrize("verb", ["Create", "Update", "Delete"])
def test_what_cannot_be_changed_says_so(caller: Caller, verb: str) -> None:
    answer = _change(caller, verb, "BounceEvent", "<SendID>1</SendID>")
    assert (answer.status, answer.first("OverallStatus")) == (200, "Error")
    assert answer.first("ErrorCode") == "8"


# An action of the WSDL that nothing is known of, its body, and what the answer says of it.
UNSUPPORTED = [
    pytest.param("Configure", '<Action>update</Action><Configurations><Configuration '
                 'xsi:type="Account" /></Configurations>', "StatusMessage",
                 "The action update is not supported for Account.", id="Configure"),
    pytest.param("Configure", "", "OverallStatusMessage", "The action Configure is not supported.",
                 id="Configure nothing"),
    pytest.param("Execute", "<Requests><Name>LogUnsubEvent</Name></Requests>", "StatusMessage",
                 "Execute is not supported for LogUnsubEvent.", id="Execute"),
    pytest.param("Execute", "<Requests />", "StatusMessage",
                 "Execute is not supported for a request without a name.", id="Execute nothing"),
    pytest.param("Query", "<QueryRequest><Query><Object><ObjectType>Send</ObjectType></Object>"
                 "</Query></QueryRequest>", "OverallStatus",
                 "Error: Query is not supported for object type: Send. Use Retrieve.", id="Query"),
    pytest.param("Query", "", "OverallStatus",
                 "Error: Query is not supported for object type: none. Use Retrieve.",
                 id="Query nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "body", "element", "words"), UNSUPPORTED)
def test_sfmc_2_1_an_action_that_is_not_known_answers_in_the_wsdls_shape(
    caller: Caller, action: str, body: str, element: str, words: str
) -> None:
    space = "http://exacttarget.com/wsdl/partnerAPI"
    asked = f'<{action}RequestMsg xmlns="{space}">{body}</{action}RequestMsg>'
    answer = caller.soap(asked, SOAPAction=action)
    assert answer.status == 200
    assert answer.first(element) == words
    assert (answer.first("OverallStatus") or "").startswith("Error")
    assert answer.first("ErrorCode") in {"8", None}
    assert answer.first("RequestID")


def test_sfmc_2_5_a_deleted_subscriber_is_gone_and_may_come_again(caller: Caller) -> None:
    head = "<ObjectType>Subscriber</ObjectType>" + props("Status", "ID")
    by_key = simple("SubscriberKey", "equals", "Comes-Again")
    made = _change(caller, "Create", "Subscriber", _person("comes-again"))
    # Keys do not tell upper from lower case.
    again = _change(caller, "Create", "Subscriber", _person("COMES-AGAIN"))
    assert again.first("ErrorCode") == "12014"
    _change(caller, "Delete", "Subscriber", _person("comes-again"))
    assert caller.retrieve(head + by_key).results == []
    gone = _change(caller, "Update", "Subscriber", _person("comes-again", "Active"))
    assert gone.first("OverallStatus") == "Error"
    anew = _change(caller, "Create", "Subscriber", _person("comes-again"))
    assert anew.first("StatusMessage") == "Created Subscriber."
    assert anew.first("NewID") == made.first("NewID")
    assert [row["Status"] for row in caller.retrieve(head + by_key).results] == ["Active"]


def test_sfmc_2_5_a_data_extension_is_renamed_and_text_ends_at_4000(caller: Caller) -> None:
    _extension(caller, "old_name")
    _change(caller, "Update", "DataExtension",
            "<CustomerKey>old_name</CustomerKey><Name>new name</Name>")  # fmt: skip
    found = caller.retrieve("<ObjectType>DataExtension</ObjectType>" + props("Name")
                            + simple("CustomerKey", "equals", "old_name")).results  # fmt: skip
    assert [row["Name"] for row in found] == ["new name"]
    named = "<CustomerKey>long_text</CustomerKey><Name>long_text</Name>"
    long = _change(caller, "Create", "DataExtension", named + FIELDS.replace(">10<", ">4001<"))
    assert long.first("OverallStatus") == "Error"


def test_a_row_is_not_deleted_by_a_field_that_is_not_there(caller: Caller) -> None:
    _extension(caller, "kept")
    keys = "<Keys><Key><Name>Nope</Name><Value>1</Value></Key></Keys>"
    done = _change(
        caller, "Delete", "DataExtensionObject", "<CustomerKey>kept</CustomerKey>" + keys
    )
    assert (done.status, done.first("OverallStatus")) == (200, "Error")


@pytest.mark.parametrize(
    "change",
    [
        "<QueryText>SELECT nope AS JobID FROM _Job</QueryText>",
        "<TargetUpdateType>Replace</TargetUpdateType>",
        "<DataExtensionTarget><CustomerKey>nowhere</CustomerKey></DataExtensionTarget>",
    ],
)
def test_sfmc_2_5_a_query_is_checked_when_it_is_changed(caller: Caller, change: str) -> None:
    _extension(caller, "checked_target")
    text = "SELECT DISTINCT JobID FROM _Job"
    _change(caller, "Create", "QueryDefinition",
            QUERY.format(key="checked", text=text, target="checked_target"))  # fmt: skip
    done = _change(
        caller, "Update", "QueryDefinition", f"<CustomerKey>checked</CustomerKey>{change}"
    )
    assert done.first("OverallStatus") == "Error"
    kept = caller.retrieve("<ObjectType>QueryDefinition</ObjectType>"
                           + props("QueryText", "TargetUpdateType")
                           + simple("CustomerKey", "equals", "checked")).results  # fmt: skip
    assert [(row["QueryText"], row["TargetUpdateType"]) for row in kept] == [(text, "Overwrite")]


def test_sfmc_2_3_perform_has_errors_when_some_definitions_fail(caller: Caller) -> None:
    made = _change(caller, "Create", "Automation", "<Name>one of two</Name>")
    done = caller.soap(
        f"<PerformRequestMsg {NS}><Action>start</Action><Definitions>"
        f'<Definition xsi:type="Automation"><ObjectID>{made.first("ObjectID")}</ObjectID>'
        '</Definition><Definition xsi:type="Automation"><ObjectID>none</ObjectID></Definition>'
        "</Definitions></PerformRequestMsg>"
    )
    assert done.first("OverallStatus") == "Has Errors"
    assert _change(caller, "Create", "Automation", "").first("OverallStatus") == "Error"


@pytest.mark.parametrize("verb", ["ClearData", "pause", "dance"])
def test_sfmc_1_what_is_started_needs_its_scope_and_a_known_action(
    caller: Caller, verb: str
) -> None:
    _extension(caller, "guarded")
    made = _change(caller, "Create", "Automation", f"<Name>guarded {verb}</Name>")
    token = caller.token(RETAIL, scope="data_extensions_read automations_read")
    if verb == "ClearData":
        body = (
            f"<PerformRequestMsg {NS}><Action>{verb}</Action><Definitions><Definition "
            'xsi:type="DataExtension"><CustomerKey>guarded</CustomerKey></Definition>'
            "</Definitions></PerformRequestMsg>"
        )
    else:
        body = (
            f"<ScheduleRequestMsg {NS}><Action>{verb}</Action><Interactions><Interaction "
            f'xsi:type="Automation"><ObjectID>{made.first("ObjectID")}</ObjectID></Interaction>'
            "</Interactions></ScheduleRequestMsg>"
        )
    assert caller.soap(body, token=token).first("StatusMessage") == "API Permission Failed."
    assert caller.soap(body).first("OverallStatus") == ("Error" if verb == "dance" else "OK")


def test_sfmc_2_3_describe_names_enumerations_and_what_may_be_changed(caller: Caller) -> None:
    answer = caller.soap(
        f"<DefinitionRequestMsg {NS}><DescribeRequests><ObjectDefinitionRequest><ObjectType>"
        "Subscriber</ObjectType></ObjectDefinitionRequest></DescribeRequests></DefinitionRequestMsg>"
    )
    told = {
        row.findtext(f"{PARTNER}Name"): (
            row.findtext(f"{PARTNER}DataType"), row.findtext(f"{PARTNER}IsUpdatable"),
        )
        for row in answer.root.iter(f"{PARTNER}Properties")
    }  # fmt: skip
    assert told["Status"] == ("SubscriberStatus", "true")
    assert told["ID"] == ("Int32", "false")
