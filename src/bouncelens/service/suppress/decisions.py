"""What the policy decides on every address of the lake, at this moment."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bouncelens.decide.policy_file import load_policy
from bouncelens.decide.setwise import Decided, decided, kind_rows, rule_rows
from bouncelens.errors import SettingsInvalid

if TYPE_CHECKING:
    import pyarrow as pa

    from bouncelens.decide.policy import Policy
    from bouncelens.service.workspace import Workspace
    from bouncelens.store.ledger.incidents import Incident

_REPORTS_COME_DAYS = 6
_GOES_ON = datetime(9999, 1, 1, tzinfo=UTC)


def policy_of(workspace: Workspace, name: str | None = None) -> Policy:
    """The settings' policy, or another one by name or path. Raises SettingsInvalid, also for a
    model, which is not to be applied, unless it was asked for by name."""
    policy = load_policy(
        name or workspace.settings.policy, reasons=workspace.classifier.ruleset.reasons
    )
    if policy.is_model and name is None:
        raise SettingsInvalid(
            f"The policy {policy.name!r} says what Marketing Cloud does; it cannot be applied.",
            advice="Set `policy` to default, careful, strict or a file of your own.",
        )
    return policy


def decisions(
    workspace: Workspace,
    policy: Policy,
    now: datetime,
    *,
    account: int | None = None,
    without: tuple[Incident, ...] = (),
) -> Iterator[Decided]:
    """Every address that the policy suppresses, by account and key. `without`: incidents whose
    refusals are not believed. Raises StoreError."""
    only = {} if account is None else {"account": account}
    given = {
        "policy_rules": rule_rows(policy, now),
        "policy_kinds": kind_rows(policy, workspace.engine.ask("suppression_kinds", only)),
        "policy_incidents": incident_rows(without),
    }
    answer = workspace.engine.ask("suppressions", only, given=given)
    ruleset = workspace.classifier.ruleset.hash
    yield from decided(answer, policy, now, ruleset=ruleset, state="active")


def incident_rows(incidents: tuple[Incident, ...], asked: Incident | None = None) -> pa.Table:
    """Incidents as `policy_incidents`, `asked` among them. Of a job that was hit, reports that come
    days later are not believed either."""
    import pyarrow as pa

    rows: list[tuple[str, datetime, datetime, int | None, int | None, bool]] = []
    for incident in incidents:
        ends = incident.ends or _GOES_ON
        is_asked = asked is not None and incident.id == asked.id
        rows.append((incident.provider, incident.starts, ends, None, None, is_asked))
        if incident.ends is not None:
            late = ends + timedelta(days=_REPORTS_COME_DAYS)
            for account, job in json.loads(incident.evidence).get("hit", []):
                rows.append((incident.provider, ends, late, account, job, is_asked))
    moment, number = pa.timestamp("us", tz="UTC"), pa.int64()
    kinds = (pa.string(), moment, moment, number, number, pa.bool_())
    names = ("provider", "starts", "ends", "account", "job", "is_asked")
    return pa.table(
        {
            name: pa.array([row[place] for row in rows], kind)
            for place, (name, kind) in enumerate(zip(names, kinds, strict=True))
        }
    )


@dataclass(frozen=True, slots=True)
class Gone:
    """Who unsubscribed or complained, wherever: an event does not say whether it was meant for one
    business unit or for all. A person may have several keys, so an address tells as well."""

    keys: frozenset[str] = frozenset()  # as `folded`
    addresses: frozenset[str] = frozenset()  # as `folded`

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and folded(key) in self.keys

    def has(self, subscriber_key: str, address: str | None) -> bool:
        """Whether that is one of them."""
        return subscriber_key in self or (bool(address) and folded(address or "") in self.addresses)


def gone(workspace: Workspace) -> Gone:
    """Those of whom the lake knows it. Raises StoreError."""
    answer = workspace.engine.ask("gone", {})
    keys, addresses = (answer[name].to_pylist() for name in ("subscriber_key", "address"))
    return Gone(*(frozenset(folded(text) for text in told if text) for told in (keys, addresses)))


def folded(text: str) -> str:
    """Keys and addresses as they are compared: without regard to case, to how a letter is encoded,
    and to how a domain is."""
    plain = unicodedata.normalize("NFKC", text.strip()).casefold()
    name, at, domain = plain.rpartition("@")
    if not at or domain.isascii():
        return plain
    with suppress(UnicodeError):
        domain = domain.encode("idna").decode("ascii")
    return f"{name}@{domain}"
