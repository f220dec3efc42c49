"""Bodies that are not what they should be, for every endpoint that reads one: its family's error,
no trace, nothing of the machine's own. Fifty megabytes are not read."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest
from sandbox_caller import PARTNER, RETAIL, Caller, envelope, props, simple

from sfmc_sandbox.wire.rest import ROUTES

# Paths that do not read their body, whatever it is.
UNREAD = ("/actions/start", "/actions/runallonce")
# Where an empty object or list asks for nothing, or for the default.
EMPTY_IS_FINE = {
    ("PATCH", "/automation/v1/queries/{id}"),
    ("PATCH", "/automation/v1/automations/{id}"),
    ("PATCH", "/automation/v1/dataextracts/{id}"),
    ("PATCH", "/automation/v1/filetransfers/{id}"),
    ("PATCH", "/automation/v1/imports/{id}"),
    ("POST", "/asset/v1/content/assets/query"),
    ("POST", "/hub/v1/dataevents/key:{key}/rowset"),
    ("POST", "/platform/v1/ens-callbacks"),
    ("POST", "/platform/v1/ens-subscriptions"),
}
READERS = [
    pytest.param(method, path, id=f"{method} {path}")
    for method, path, _, _ in ROUTES
    if method in {"POST", "PUT", "PATCH"} and not path.endswith(UNREAD)
]
ENTITIES = '<!ENTITY a0 "{}">'.format("a" * 1000) + "".join(
    f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9)
)
XXE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
# Not JSON, or not the kind of JSON that any endpoint reads.
NO_JSON = {
    "nothing": b"",
    "words": b"not json",
    "half an object": b'{"name": ',
    "xml": XXE.encode(),
    "bytes": b"\x00\xff\xfe",
    "deep lists": b"[" * 200_000,
    "deep objects": b'{"a":' * 100_000,
    "nan": b'{"name": NaN, "items": [{"JobID": Infinity}]}',
    "a number too long": b'{"name": ' + b"9" * 20_000 + b"}",
    "half a character": b'{"name": "\\ud800"}',
    "a number": b"5",
    "null": b"null",
    "text": b'"x"',
    "a list of numbers": b"[1, 2]",
    "a list of lists": b"[[]]",
}
EMPTY = {"an empty list": b"[]", "an empty object": b"{}"}


@pytest.fixture(scope="module")
def ids(running: Caller) -> dict[str, str]:
    """Something of each kind that a path may name."""
    token = running.token()
    query = running.rest("/automation/v1/queries", token=token, method="POST", json={
        "name": "bad bodies", "key": "bad_bodies", "targetUpdateTypeId": 0, "categoryId": 1,
        "queryText": "SELECT JobID, Domain, EventDate AS SendDay, 1 AS Sent FROM _Bounce",
        "targetKey": "bouncelens_sends", "targetName": "bouncelens_sends"})  # fmt: skip
    automation = running.rest("/automation/v1/automations", token=token, method="POST",
                              json={"name": "bad bodies"})  # fmt: skip
    extension = running.sandbox.extensions.find(RETAIL, "bouncelens_sends")
    assert extension is not None
    more = {
        "dataextracts": {"dataExtractTypeId": "c7219016-a7f0-4c72-8657-1ec12c28a0db"},
        "filetransfers": {},
        "imports": {"destinationObjectId": extension.object_id},
    }
    made = {
        kind: running.rest(f"/automation/v1/{kind}", token=token, method="POST",
                           json={"name": "bad bodies", "fileSpec": "x.zip", **fields}).json()
        for kind, fields in more.items()
    }  # fmt: skip
    return {"dataextracts": made["dataextracts"]["dataExtractDefinitionId"],
            "filetransfers": made["filetransfers"]["id"],
            "imports": made["imports"]["importDefinitionId"],
            "queries": query.json()["queryDefinitionId"], "automations": automation.json()["id"],
            "async": extension.object_id, "token": token}  # fmt: skip


def _path(path: str, ids: dict[str, str]) -> str:
    path = path.replace("{key}", "bouncelens_sends").replace("{pairs}", "JobID:1")
    return path.replace("{id}", ids.get(path.split("/")[3], "x"))


def _is_the_familys(path: str, answer: httpx2.Response) -> bool:
    """Whether an error has the shape of its family (fact sheet 1 and 3)."""
    told = answer.json()
    if "/async/" in path:
        first = told["resultMessages"][0]
        return bool(told["requestId"]) and {"resultType", "resultCode", "message"} <= set(first)
    return isinstance(told["errorcode"], int) and {"message", "documentation"} <= set(told)


def _tells_nothing(text: str) -> bool:
    return not any(word in text for word in ("Traceback", "root:", 'File "', "/site-packages/"))


@pytest.mark.parametrize(("method", "path"), READERS)
def test_what_is_no_json_gets_the_error_of_its_family(
    running: Caller, ids: dict[str, str], method: str, path: str
) -> None:
    bodies = NO_JSON if (method, path) in EMPTY_IS_FINE else {**NO_JSON, **EMPTY}
    for name, body in bodies.items():
        answer = running.rest(_path(path, ids), token=ids["token"], method=method, content=body)
        assert answer.status_code == 400, (name, answer.text)
        assert _is_the_familys(path, answer), (name, answer.text)
        assert _tells_nothing(answer.text), name


# XML that no parser should follow, and why the service says it does not.
XML = [
    pytest.param(f'<?xml version="1.0"?><!DOCTYPE x [{ENTITIES}]><x>&a8;</x>', "error in XML",
                 id="entity bomb"),
    pytest.param(f'<?xml version="1.0"?><!DOCTYPE x [{ENTITIES}]><x y="&a8;"/>', "error in XML",
                 id="entity bomb in an attribute"),
    pytest.param('<!DOCTYPE x [<!ENTITY a "{}">]><x>{}</x>'.format("a" * 50_000, "&a;" * 50_000),
                 "error in XML", id="one large entity many times"),
    pytest.param(XXE, "DTD is prohibited", id="external entity"),
    pytest.param('<!DOCTYPE x [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]><x/>',
                 "DTD is prohibited", id="parameter entity"),
    pytest.param('<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><x/>', "DTD is prohibited",
                 id="external DTD"),
    pytest.param('<!DOCTYPE e [<!ENTITY a "b">]>' + envelope("<x/>", "t"), "DTD is prohibited",
                 id="a DTD before an envelope"),
    pytest.param('<x xmlns:i="http://www.w3.org/2001/XInclude"><i:include parse="text" '
                 'href="file:///etc/passwd"/></x>', "valid action", id="xinclude"),
    pytest.param('<?xml-stylesheet href="file:///etc/passwd"?><x/>', "valid action",
                 id="stylesheet"),
    pytest.param('<?xml version="1.0" encoding="nonsense"?><x/>', "error in XML", id="encoding"),
    pytest.param("<a>" * 300_000, "error in XML", id="deep"),
    pytest.param("<" + "a" * 7_000_000 + "/>", "error in XML", id="a name of seven megabytes"),
    pytest.param("<x " + " ".join(f'a{n}="1"' for n in range(50_000)) + "/>", "valid action",
                 id="fifty thousand attributes"),
    pytest.param("<a><![CDATA[", "error in XML", id="open CDATA"),
    pytest.param("<a>\x01</a>", "error in XML", id="a control character"),
    pytest.param('{"not": "xml"}', "error in XML", id="json"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), XML)
def test_xml_that_no_parser_should_follow_gets_a_fault(
    running: Caller, text: str, words: str
) -> None:
    answer = running.post(text)
    assert (answer.status, answer.first("faultcode")) == (500, "soap:Client")
    assert words in (answer.first("faultstring") or "")
    assert _tells_nothing(answer.text)


TOKEN = {
    "nothing": b"",
    "a list": b"[]",
    "half an object": b"{",
    "deep": b"[" * 100_000,
    "bytes": b"\xff\x00",
    "a number as the grant": b'{"grant_type": 5}',
    "objects as fields": b'{"grant_type": {"a": 1}, "client_id": [], "scope": {}}',
    "xml": XXE.encode(),
}


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("name", TOKEN)
def test_sfmc_1_the_token_endpoint_answers_with_oauths_error(
    running: Caller, name: str, kind: str
) -> None:
    answer = running.http.post(
        f"{running.url}/v2/token", content=TOKEN[name], headers={"Content-Type": kind}
    )
    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "error_description", "error_uri"}
    assert _tells_nothing(answer.text)


def _megabytes() -> Iterator[bytes]:
    """Fifty megabytes whose size nobody has said before."""
    for _ in range(50):
        yield b"x" * (1 << 20)


@pytest.mark.parametrize("is_declared", [True, False], ids=["declared", "chunked"])
@pytest.mark.parametrize(
    ("method", "path"),
    [*READERS, pytest.param("POST", "/v2/token", id="POST /v2/token"),
     pytest.param("POST", "/Service.asmx", id="POST /Service.asmx"),
     pytest.param("POST", "/_sandbox/clock", id="POST /_sandbox/clock"),
     pytest.param("GET", "/data/v1/customObjects", id="GET with a body")],
)  # fmt: skip
def test_fifty_megabytes_are_not_read(
    running: Caller, ids: dict[str, str], method: str, path: str, is_declared: bool
) -> None:
    body = b"x" * (50 << 20) if is_declared else _megabytes()
    answer = running.rest(_path(path, ids) if path.count("/") > 2 else path, token=ids["token"],
                          method=method, content=body)  # fmt: skip
    if path == "/Service.asmx":
        assert "Maximum request length exceeded" in answer.text
    elif path == "/_sandbox/clock":
        assert answer.status_code == 400
    elif path == "/v2/token":
        assert answer.json()["error"] == "invalid_request"
    else:
        assert answer.status_code == 413
        assert _is_the_familys(path, answer)
    assert _tells_nothing(answer.text)


@pytest.mark.parametrize("number", ["²", "9" * 5000, "-1", "1e3"])
def test_numbers_that_are_none_are_no_bug_of_ours(caller: Caller, number: str) -> None:
    token = caller.token()
    rows = f"/data/v1/customobjectdata/key/bouncelens_sends/rowset?$pageSize={number}"
    assert caller.rest(rows, token=token).status_code == 400
    assert caller.rest(f"/automation/v1/queries?$page={number}", token=token).status_code == 200
    inner = "<ObjectType>Send</ObjectType>" + props("ID")
    size = f"<Options><BatchSize>{number}</BatchSize></Options>"
    assert caller.retrieve(inner + size, token=token).first("OverallStatus") == "OK"
    asked = caller.retrieve(inner + simple("ID", "greaterThan", number), token=token)
    assert asked.status == 200
    field = f"<Name>A</Name><FieldType>Text</FieldType><MaxLength>{number}</MaxLength>"
    made = caller.soap(
        f'<CreateRequest xmlns="{PARTNER[1:-1]}"><Objects xsi:type="DataExtension">'
        f"<Name>n</Name><Fields><Field>{field}</Field></Fields></Objects></CreateRequest>",
        token=token,
    )
    assert made.status == 200
