"""Incidents: noticed while they go on, held, decided by people or by later mail."""

from bouncelens.service.incident.people import Shown, confirm, hold, incidents, release, show
from bouncelens.service.incident.signs import Point, curve, sight
from bouncelens.service.incident.watch import Watched, after, watch
from bouncelens.store.ledger.incidents import Incident

__all__ = [
    "Incident",
    "Point",
    "Shown",
    "Watched",
    "after",
    "confirm",
    "curve",
    "hold",
    "incidents",
    "release",
    "show",
    "sight",
    "watch",
]
