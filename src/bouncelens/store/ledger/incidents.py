"""Incidents in the ledger: opened by what was seen, decided by people or by later mail."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bouncelens.store.ledger.records import IncidentRecord

if TYPE_CHECKING:
    from bouncelens.store.ledger.audit import Sessions


@dataclass(frozen=True, slots=True)
class Incident:
    """A time-bounded wrong of one provider. While it is open or confirmed, refusals of its window
    suppress nobody."""

    id: int
    provider: str
    starts: datetime
    ends: datetime | None  # None: it goes on
    opened_at: datetime
    state: str  # open, confirmed, dismissed (they were right), released (nobody is held any more)
    evidence: str  # JSON
    decided_by: str
    why: str

    @property
    def holds(self) -> bool:
        """Whether refusals of its window are not believed."""
        return self.state in ("open", "confirmed")


class Incidents:
    """The incidents of one ledger."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def open(self, incident: Incident) -> Incident:
        """Keep a new one; its number is given here."""
        with self._sessions() as session:
            values = {f.name: getattr(incident, f.name) for f in fields(Incident) if f.name != "id"}
            record = IncidentRecord(**values)
            session.add(record)
            session.flush()
            return _incident(record)

    def change(self, number: int, **values: object) -> Incident:
        """Change some of its values; returns it as it is then. KeyError where there is none."""
        with self._sessions() as session:
            record = session.get(IncidentRecord, number)
            if record is None:
                raise KeyError(number)
            for name, value in values.items():
                setattr(record, name, value)
            session.flush()
            return _incident(record)

    def all(self, *, provider: str | None = None) -> tuple[Incident, ...]:
        """Every incident, newest first; of one provider if asked."""
        query = sa.select(IncidentRecord).order_by(IncidentRecord.id.desc())
        if provider is not None:
            query = query.where(IncidentRecord.provider == provider)
        with self._sessions(reads=True) as session:
            return tuple(_incident(record) for record in session.scalars(query))


def _incident(record: IncidentRecord) -> Incident:
    return Incident(**{field.name: getattr(record, field.name) for field in fields(Incident)})
