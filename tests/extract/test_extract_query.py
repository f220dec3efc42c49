"""The query route against answers that no good tenant gives."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from told_server import HASTY, Asked, Said, Told

from bouncelens.bounce import Account, Only, Quarantined, Window
from bouncelens.errors import SignInRefused, SourceError
from bouncelens.extract.again import read_again
from bouncelens.extract.query import QuerySource
from bouncelens.extract.signin import SignIn
from bouncelens.extract.tsql import Asked as Filled
from bouncelens.extract.tsql import kind, literal, moment, question
from bouncelens.extract.wire import Wire
from bouncelens.settings import QuerySettings

UNIT = Account(7000001, "Shop")
END = datetime(2026, 1, 11, tzinfo=UTC)
WINDOW = Window(END - timedelta(days=8), END)
ROWSET = "/data/v1/customobjectdata/"
QUERIES = "/automation/v1/queries/"
LATE = "The query was stopped: timeout expired."


@pytest.fixture
def query(sign_in: SignIn, wire: Wire) -> QuerySource:
    settings = QuerySettings(poll_s=0.02, grace_s=0.05, window_days=8, limit_minutes=0.02)
    return QuerySource(sign_in, wire, settings=settings, patience=HASTY)


class Tenant:
    """Does what a tenant does, in order; `runs` says how each run of a query ends."""

    def __init__(self, told: Told, *runs: dict[str, object], lacks: str = "") -> None:
        self.told, self.runs, self.lacks = told, list(runs), lacks
        self.texts: list[str] = []
        self.made: set[str] = set()
        self.log: list[str] = []
        told.say("/Service.asmx", self.soap)
        told.say(f"{QUERIES}actions/validate/", self.validate)
        told.say(f"{QUERIES}q-1/actions/start/", self.start)
        told.say(f"{QUERIES}q-1/actions/isrunning/", self.is_running)
        told.say(f"{QUERIES}q-1/log", lambda _: _json({"items": self._log()}))
        told.say(ROWSET, self.rowset)
        self.run: dict[str, object] = {}
        self.looks = 0

    def soap(self, asked: Asked) -> Said:
        action = asked.headers["soapaction"]
        if action == "Retrieve":
            return _soap("RetrieveResponseMsg", "")
        if "<QueryText>" in asked.body:
            self.texts.append(asked.body)
        new = "<NewObjectID>q-1</NewObjectID>"
        return _soap(f"{action}Response", f"<Results><StatusCode>OK</StatusCode>{new}</Results>")

    def validate(self, asked: Asked) -> Said:
        text = json.loads(asked.body)["Text"]
        is_bad = bool(self.lacks) and f"b.{self.lacks}" in text
        errors = [{"message": f"Invalid column name '{self.lacks}'."}] if is_bad else []
        return _json({"queryValid": not is_bad, "errors": errors})

    def start(self, asked: Asked) -> Said:
        assert not asked.body, "with a body it would do nothing"
        self.run = self.runs.pop(0) if len(self.runs) > 1 else self.runs[0]
        self.looks = 0
        if words := self.run.get("log"):
            self.log.append(str(words))
        return Said(200, b"OK")

    def is_running(self, _: Asked) -> Said:
        self.looks += 1
        return _json({"isRunning": self.looks <= int(str(self.run.get("running", 1)))})

    def _log(self) -> list[dict[str, str]]:
        return [{"status": "Error", "statusMessage": words} for words in self.log]

    def rowset(self, _: Asked) -> Said:
        found = re.findall(r"N'([0-9a-f]{16})' AS Run", self.texts[-1])
        run = self.run.get("mark", found[-1])
        rows, total = int(str(self.run.get("rows", 0))), self.run.get("total")
        cells = [_cells(str(run), n, str(rows if total is None else total)) for n in range(rows)]
        if not rows and self.run.get("proof", True):
            cells = [{"run": run, "total": "0"}]
        items = [{"keys": {}, "values": values} for values in cells]
        return _json({"count": len(items), **({"items": items} if items else {})})


def _cells(run: str, n: int, total: str) -> dict[str, str]:
    return {
        "run": run, "total": total, "jobid": "1", "batchid": "2", "listid": "3",
        "subscriberkey": f"k{n}", "eventdate": "2026-01-10 23:59:59",
        "smtpbouncereason": "550 no", "iscut": "true", "smtpcode": "550",
    }  # fmt: skip


def _json(said: object) -> Said:
    return Said(200, json.dumps(said).encode())


def _soap(message: str, inner: str) -> Said:
    body = (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f'<{message} xmlns="http://exacttarget.com/wsdl/partnerAPI">{inner}'
        f"<OverallStatus>OK</OverallStatus></{message}></soap:Body></soap:Envelope>"
    )
    return Said(200, body.encode())


def fetched(query: QuerySource, only: Only | None = None) -> list[dict[str, object]]:
    pages = list(query.fetch(UNIT, WINDOW, only))
    assert pages[-1].through == WINDOW.end
    return [row for page in pages for row in page.events.to_pylist()]


def test_rows_that_prove_their_run_and_number_are_read(told: Told, query: QuerySource) -> None:
    Tenant(told, {"rows": 3})
    rows = fetched(query)
    assert [row["subscriber_key"] for row in rows] == ["k0", "k1", "k2"]
    assert rows[0]["event_time"] == datetime(2026, 1, 11, 5, 59, 59, tzinfo=UTC)
    assert rows[0]["is_reply_cut"] is True
    assert rows[0]["route"] == "query"


def test_no_bounce_at_all_is_an_answer_too(told: Told, query: QuerySource) -> None:
    Tenant(told, {"rows": 0})
    assert fetched(query) == []


def test_a_query_that_waits_before_it_runs_is_waited_for(told: Told, query: QuerySource) -> None:
    tenant = Tenant(told, {"rows": 1, "mark": "another-run"})

    def later(_: Asked) -> Said:
        # False for a while: it has not begun, and the rows are those of the run before.
        tenant.looks += 1
        if tenant.looks > 4:
            tenant.run = {"rows": 2}
        return _json({"isRunning": False})

    told.say(f"{QUERIES}q-1/actions/isrunning/", later)
    assert len(fetched(query)) == 2


def test_a_query_that_is_stopped_is_asked_again_in_halves(told: Told, query: QuerySource) -> None:
    tenant = Tenant(told, {"log": LATE, "proof": False}, {"rows": 1})
    assert len(fetched(query)) == 2
    spans = [re.findall(r"EventDate &[gl]t;=? '([^']+)'", text) for text in tenant.texts]
    assert spans == [
        ["2026-01-02T18:00:00", "2026-01-10T18:00:00"],
        ["2026-01-02T18:00:00", "2026-01-06T18:00:00"],
        ["2026-01-06T18:00:00", "2026-01-10T18:00:00"],
    ]


def test_one_that_is_always_stopped_ends_with_a_sentence(told: Told, query: QuerySource) -> None:
    Tenant(told, {"log": LATE, "proof": False})
    with pytest.raises(SourceError, match="even the smallest query runs into its limit"):
        fetched(query)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ({"rows": 2, "total": 5, "log": "It broke."}, "It broke: it wrote 2 of 5 rows"),
        ({"rows": 2, "total": 5}, "it wrote 2 of 5 rows"),
        ({"proof": False}, "it ended without any row"),
        ({"rows": 1, "mark": "somebody-else"}, "it ended without any row"),
    ],
    ids=["late failure", "fewer rows, no word", "no row, no word", "rows of somebody else"],
)
def test_rows_that_lack_something_are_never_taken(
    told: Told, query: QuerySource, run: dict[str, object], words: str
) -> None:
    Tenant(told, run)
    with pytest.raises(SourceError, match=words):
        fetched(query)


def test_a_late_failure_is_made_good_by_another_try(told: Told, query: QuerySource) -> None:
    Tenant(told, {"rows": 2, "total": 5, "log": "It broke."}, {"rows": 4})
    assert len(fetched(query)) >= 4


def test_a_column_that_the_account_lacks_is_left_out(told: Told, query: QuerySource) -> None:
    tenant = Tenant(told, {"rows": 1}, lacks="IsFalseBounce")
    (row,) = fetched(query)
    assert row["is_false_bounce"] is None
    assert "b.IsFalseBounce" not in tenant.texts[-1]


def test_a_query_that_is_refused_says_why(told: Told, query: QuerySource) -> None:
    Tenant(told, {"rows": 1}, lacks="BounceCategory")
    with pytest.raises(SourceError, match="Invalid column name 'BounceCategory'"):
        fetched(query)


def test_a_missing_scope_is_named_as_the_package_names_it(told: Told, query: QuerySource) -> None:
    Tenant(told, {"rows": 1})
    told.say(f"{QUERIES}q-1/actions/start/", Said(403, b'{"message":"Insufficient privileges"}'))
    with pytest.raises(SignInRefused, match="Automations: Execute"):
        fetched(query)


@pytest.mark.parametrize(
    "domain", ["a.example'; DROP TABLE x --", "o'hara.example", "ü.example", "''", "a\\'b.example"]
)
def test_what_narrows_a_query_cannot_leave_its_quotes(
    told: Told, query: QuerySource, domain: str
) -> None:
    tenant = Tenant(told, {"rows": 1})
    fetched(query, Only(job=12, domain=domain))
    text = tenant.texts[-1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    inside = re.search(r"LOWER\(b\.Domain\) = N'((?:[^']|'')*)'", text)
    assert inside is not None
    assert inside[1].replace("''", "'") == domain.lower()
    assert "b.JobID = 12" in text


def test_a_literal_ends_where_it_should() -> None:
    assert literal("it's") == "N'it''s'"


@pytest.mark.parametrize(
    ("utc", "written"),
    [
        (datetime(2026, 1, 1, 5, 59, 59, tzinfo=UTC), "2025-12-31T23:59:59"),
        (datetime(2026, 3, 8, 8, 30, tzinfo=UTC), "2026-03-08T02:30:00"),  # no such hour in Chicago
        (datetime(2026, 11, 1, 7, 30, tzinfo=UTC), "2026-11-01T01:30:00"),  # twice in Chicago
        (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "2026-03-28T19:30:00"),  # Europe's change
    ],
)
def test_windows_are_in_utc_minus_6_on_every_day(utc: datetime, written: str) -> None:
    assert moment(utc) == written


def test_the_days_of_sends_begin_at_midnight_utc(told: Told, query: QuerySource) -> None:
    tenant = Tenant(told, {"rows": 0})
    window = Window(datetime(2025, 12, 31, 9, tzinfo=UTC), datetime(2026, 1, 2, 3, tzinfo=UTC))
    query.sends(UNIT, window)
    asked = re.findall(r"EventDate &[gl]t;=? '([^']+)'", tenant.texts[0])
    assert asked == ["2025-12-30T18:00:00", "2026-01-02T18:00:00"]


def test_a_shard_that_is_too_large_is_cut_into_four(told: Told, query: QuerySource) -> None:
    tenant = Tenant(told, {"log": LATE, "proof": False}, {"rows": 0})
    assert query.subscribers(UNIT).num_rows == 0
    parts = [re.search(r"SubscriberID % (\d+) = (\d+)", text) for text in tenant.texts]
    told_parts = [(m[1], m[2]) for m in parts if m]
    assert told_parts == [("1", "0"), ("4", "0"), ("4", "1"), ("4", "2"), ("4", "3")]


def test_every_question_is_one_select_that_a_query_activity_may_hold() -> None:
    for name in ("bounces", "sends", "jobs", "subscribers"):
        text = question(kind(name), Filled(1, "_Subscribers", "a", "b", shard="% 1 = 0"), run="x")
        assert ";" not in text
        assert not re.search(r"\bWITH\b|\bORDER BY\b", text.replace("OVER ()", ""))


def test_a_row_that_cannot_be_read_is_kept_and_can_be_read_again(
    told: Told, query: QuerySource
) -> None:
    tenant = Tenant(told, {"rows": 2})
    whole = tenant.rowset

    def spoilt(asked: Asked) -> Said:
        said = json.loads(whole(asked).body)
        said["items"][1]["values"]["jobid"] = "x"
        return _json(said)

    told.say(ROWSET, spoilt)
    (page,) = query.fetch(UNIT, WINDOW)
    (bad,) = page.quarantined
    assert bad.reason.startswith("job is not a whole number")
    mended = Quarantined(bad.source, None, "", bad.raw.replace('"x"', '"77"'))
    again = read_again([mended], route="query")
    assert [(r["account"], r["job"], r["route"]) for r in again.batch.to_pylist()] == [
        (UNIT.mid, 77, "query")
    ]
