"""Answers of DNS in the ledger. An expired one is to be asked again, but still the last known."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bouncelens.bounce import MailHosts
from bouncelens.store.ledger.records import MailHostsRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bouncelens.store.ledger.audit import Sessions

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, and until when it counts."""

    answer: MailHosts
    expires_at: datetime


class MailHostsCache:
    """The answers of one ledger, one per domain, by the name that was asked."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def save(self, kept: Sequence[Kept]) -> None:
        """Keep them instead of what was kept of the same domains."""
        rows = {one.answer.domain: _row(one) for one in kept}
        with self._sessions() as session:
            for part in _parts(list(rows)):
                column = MailHostsRecord.domain
                session.execute(sa.delete(MailHostsRecord).where(column.in_(part)))
                session.execute(sa.insert(MailHostsRecord), [rows[domain] for domain in part])

    def find(self, domains: Sequence[str]) -> Mapping[str, Kept]:
        """What is kept of these, by domain; nothing of the others."""
        found: dict[str, Kept] = {}
        column = MailHostsRecord.domain
        with self._sessions(reads=True) as session:
            for part in _parts(domains):
                for record in session.scalars(sa.select(MailHostsRecord).where(column.in_(part))):
                    found[record.domain] = _kept(record)
        return found

    def count(self) -> int:
        """How many domains are kept."""
        with self._sessions(reads=True) as session:
            return session.scalar(sa.select(sa.func.count()).select_from(MailHostsRecord)) or 0


def _row(one: Kept) -> dict[str, object]:
    values = {field.name: getattr(one.answer, field.name) for field in fields(MailHosts)}
    hosts = [list(host) for host in one.answer.hosts]
    return values | {"hosts": hosts, "expires_at": one.expires_at}


def _kept(record: MailHostsRecord) -> Kept:
    hosts = tuple((int(preference), str(name)) for preference, name in record.hosts)
    answer = MailHosts(record.domain, record.outcome, record.looked_at, hosts, record.ttl_s)
    return Kept(answer, record.expires_at)


def _parts(domains: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(domains), _BATCH):
        yield domains[start : start + _BATCH]
