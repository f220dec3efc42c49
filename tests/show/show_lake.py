"""A small lake for the tests of the pages: three days, two campaigns, and replies that bite."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from bouncelens.service.judge import Judge
from bouncelens.settings import AccountSettings, Settings
from bouncelens.settings.report import ReportSettings
from bouncelens.store import tables
from bouncelens.store.lake import Lake

HOSTILE = (
    "550 5.1.1 <script>document.title='broken'</script> no such user",
    '550 5.1.1 "><img src=x onerror="document.title=\'broken\'"> user unknown',
    "550 5.7.1 </script></pre><iframe src='javascript:alert(1)'></iframe> blocked",
    "550 5.1.1 user \u202enwonknu\u202c \x1b[31munknown\x07",
    "450 4.2.2 {{ 7 * 7 }} {% raw %} ${7*7} <!-- quota exceeded -->",
)
CAMPAIGN = "</title><script>document.title='broken'</script>"
REPLIES = (
    ("550-5.1.1 The email account that you tried to reach does not exist.", "gmail.com", "google"),
    ("452-4.2.2 The recipient's inbox is out of storage space.", "gmail.com", "google"),
    ("421 4.7.0 [TSS04] Messages temporarily deferred due to volume", "yahoo.com", "yahoo"),
    ("550 5.7.1 Service unavailable, Client host blocked using Spamhaus.", "acme.example", None),
    *((reply, "evil.example", None) for reply in HOSTILE),
)
ACCOUNT, JOBS = 7, (41, 42)
FIRST = date(2026, 3, 1)


def filled(folder: Path, *, is_naming: bool = False) -> Settings:
    """Settings whose lake holds what this module's head says."""
    settings = empty(folder)
    judge = Judge.of_rules()
    bounces, templates, verdicts = [], {}, {}
    for number, (reply, domain, provider) in enumerate(REPLIES * 4):
        words = reply
        if is_naming:
            words = f"{reply} (s{number}@{domain}, s{number}={domain}@bounces.example)"
        judged = judge.judge(words, provider=provider)
        when = datetime(2026, 3, 1 + number % 3, 10, number, tzinfo=UTC)
        key = judged.template.template_id
        bounces.append(_bounce(number, when, words, domain) | {"template_id": key})
        bounces[-1]["provider"] = provider
        if is_naming:
            bounces[-1]["subscriber_key"] = bounces[-1]["address"]
        templates[key] = {
            "template_id": key,
            "template": judged.template.text,
            "code": judged.template.code,
            "status": judged.template.status,
            "provider": provider,
            "sample": words,
            "first_seen": when,
            "last_seen": when,
        }
        verdict = judged.verdict
        verdicts[key] = {
            "template_id": key,
            "reason": verdict.reason,
            "reason_group": verdict.group,
            "hardness": str(verdict.hardness),
            "is_temporary": verdict.is_temporary,
            "rule": verdict.rule,
            "confidence": verdict.confidence,
            "evidence": verdict.evidence,
            "actor": verdict.actor,
            "ruleset": judge.ruleset.hash,
        }
    with Lake.open(settings.lake) as lake:
        lake.add_bounces(_table(tables.BOUNCES, bounces))
        lake.put_templates(_table(tables.TEMPLATES, list(templates.values())))
        lake.put_verdicts(_table(tables.VERDICTS, list(verdicts.values())))
        sends, jobs = list(_sends()), list(_jobs())
        # As a first pull told them: the last word is merged in, which writes other files.
        lake.put_sends(_table(tables.SENDS, [{**row, "sent": 1} for row in sends]))
        lake.put_sends(_table(tables.SENDS, sends))
        lake.put_jobs(_table(tables.JOBS, [{**row, "email_name": None} for row in jobs]))
        lake.put_jobs(_table(tables.JOBS, jobs))
        if is_naming:
            lake.put_subscribers(_table(tables.SUBSCRIBERS, list(_people(bounces))))
    return settings


def _people(bounces: list[dict[str, Any]]) -> Any:
    for bounce in bounces:
        who = {name: bounce[name] for name in ("account", "subscriber_key", "address")}
        later = bounce["event_time"] + timedelta(days=1)
        yield {**who, "status": "held", "held_time": later, "last_click": later}


def naming(folder: Path) -> Settings:
    """The same with people whose keys are their addresses, and replies that repeat these; of
    somebody who did not ask for addresses."""
    settings = filled(folder, is_naming=True)
    return settings.model_copy(update={"report": ReportSettings()})


def empty(folder: Path) -> Settings:
    """Settings with an empty lake, of somebody who asked for addresses."""
    settings = Settings(
        report=ReportSettings(addresses="always"),
        lake=str(folder / "lake"),
        ledger=f"sqlite:///{folder / 'ledger.db'}",
        accounts=(
            AccountSettings(mid=ACCOUNT, name="Shop <b>&</b>"),
            AccountSettings(mid=8, name="Magazine"),
        ),
    )
    Lake.open(settings.lake).close()
    return settings


def _bounce(number: int, when: datetime, reply: str, domain: str) -> dict[str, Any]:
    return {
        "account": ACCOUNT,
        "job": JOBS[number % 2],
        "batch": 1,
        "subscriber_key": f"s{number}",
        "event_time": when,
        "routes": "file",
        "address": f"s{number}@{domain}",
        "domain": domain,
        "reply_text": reply,
        "stored_at": when,
    }


def _sends() -> Any:
    for job in JOBS:
        for day in range(3):
            for domain, provider in {domain: provider for _, domain, provider in REPLIES}.items():
                yield {
                    "account": ACCOUNT,
                    "job": job,
                    "domain": domain,
                    "day": FIRST + timedelta(days=day),
                    "sent": 100,
                    "provider": provider,
                }
        # SOAP's total of the job, of which the rows by domain say more.
        yield {"account": ACCOUNT, "job": job, "domain": "", "day": FIRST, "sent": 1_500}


def _jobs() -> Any:
    for job, name in zip(JOBS, (CAMPAIGN, "Spring letter"), strict=True):
        sent_time = datetime(2026, 3, 1, 9, tzinfo=UTC)
        yield {"account": ACCOUNT, "job": job, "email_name": name, "sent_time": sent_time}


def _table(table: tables.LakeTable, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=table.schema)
