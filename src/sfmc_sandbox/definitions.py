"""Definitions that are kept as they came: data extracts, file transfers."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Definitions:
    """Definitions by business unit, kind and id."""

    _known: dict[tuple[int, str, str], dict[str, Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, mid: int, kind: str, number: str, content: dict[str, Any]) -> None:
        """Keeps one."""
        with self._lock:
            self._known[mid, kind, number] = content

    def find(self, mid: int, kind: str, number: str) -> dict[str, Any] | None:
        """One of a unit."""
        return self._known.get((mid, kind, number))

    def of(self, mid: int, kind: str) -> list[dict[str, Any]]:
        """All of a unit and kind."""
        with self._lock:
            return [content for key, content in self._known.items() if key[:2] == (mid, kind)]

    def change(
        self, mid: int, kind: str, number: str, more: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Takes fields over into one; it as it is then, or None when there is none."""
        with self._lock:
            if (mid, kind, number) not in self._known:
                return None
            changed = {**self._known[mid, kind, number], **more}
            self._known[mid, kind, number] = changed
            return changed

    def remove(self, mid: int, kind: str, number: str) -> bool:
        """Forgets one; False when there is none."""
        with self._lock:
            return self._known.pop((mid, kind, number), None) is not None
