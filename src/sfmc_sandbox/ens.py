"""Event Notification Service: callbacks, subscriptions, signed batches, retries (section 8)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from sfmc_sandbox.ens_items import EVENT_TYPES, items_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from sfmc_sandbox.world.tenant import Tenant

_GOOD = {200, 201, 202, 203, 204}
ATTEMPTS = 3
FIRST_DEFERRAL_MS = 600_000
GIVE_UP_MS = 7 * 86_400_000
# What happens to a batch after that is told in two ways (fact sheet 8): it is put off and tried
# ever more seldom, or it is dropped and its callback suspended.
FAILURES = ("defer", "suspend")
SUSPENDING_FAILURES, SUSPENDING_SPAN_MS = 2, 300_000
FIRST_SUSPENSION_MS, LONGEST_SUSPENSION_MS = 600_000, 3_600_000
_TIMEOUT_S = 3.0
_PROBE_S = 30.0


@dataclass(slots=True)
class Callback:
    """An address that wants events."""

    callback_id: str
    mid: int
    name: str
    url: str
    signature_key: str  # base64 of 32 bytes, shown once
    max_batch: int
    verification_key: str
    status: str = "unverified"
    born: float = field(default_factory=time.monotonic)
    failed_ms: list[int] = field(default_factory=list)  # batches dropped of late
    suspended_until_ms: int = 0  # of the world's clock, like the others
    suspension_ms: int = 0  # how long the last one was

    def fail(self, now_ms: int) -> None:
        """Notes a dropped batch. Two within five minutes suspend the callback: for ten minutes,
        then for twice as long each time, up to an hour."""
        recent = [ms for ms in self.failed_ms if now_ms - ms <= SUSPENDING_SPAN_MS]
        self.failed_ms = [*recent, now_ms]
        if len(self.failed_ms) < SUSPENDING_FAILURES or self.is_suspended(now_ms):
            return
        longer = max(FIRST_SUSPENSION_MS, self.suspension_ms * 2)
        self.suspension_ms = min(longer, LONGEST_SUSPENSION_MS)
        self.suspended_until_ms = now_ms + self.suspension_ms

    def succeed(self) -> None:
        """A delivered batch: what failed before is forgotten."""
        self.failed_ms, self.suspension_ms = [], 0

    def is_suspended(self, now_ms: int) -> bool:
        """Whether nothing is sent to it for now."""
        return now_ms < self.suspended_until_ms

    def told(self, *, now_ms: int = 0, with_key: bool = False) -> dict[str, Any]:
        """As the API tells it; the key only at creation."""
        content: dict[str, Any] = {
            "callbackName": self.name,
            "callbackId": self.callback_id,
            "url": self.url,
            "maxBatchSize": self.max_batch,
        }
        if with_key:
            return {**content, "signatureKey": self.signature_key}
        if self.is_suspended(now_ms):
            reason = "Deliveries to the callback failed."
            return {**content, "status": "suspended", "statusReason": reason}
        return {**content, "status": self.status, "statusReason": ""}


@dataclass(slots=True)
class Subscription:
    """Which events a callback wants."""

    subscription_id: str
    mid: int
    callback_id: str
    name: str
    event_types: tuple[str, ...]
    filters: tuple[str, ...]
    status: str = "active"

    def told(self) -> dict[str, Any]:
        """As the API tells it."""
        return {
            "subscriptionId": self.subscription_id,
            "subscriptionName": self.name,
            "callbackId": self.callback_id,
            "eventCategoryTypes": list(self.event_types),
            "filters": list(self.filters),
            "status": self.status,
        }


@dataclass(frozen=True, slots=True)
class Deferred:
    """A batch that three attempts did not deliver; it is tried again ever more seldom."""

    callback: Callback
    items: list[dict[str, Any]]
    since_ms: int  # of the world's clock, like `due_ms`
    due_ms: int


@dataclass(slots=True)
class Ens:
    """Callbacks, subscriptions and the deliveries to them."""

    tenant: Tenant
    # Whether the key signs as text or as the bytes behind it is unverified: both are here.
    key_reading: Literal["text", "bytes"] = "text"
    on_failure: str = "defer"  # one of FAILURES
    retry_s: float = 1.0
    callbacks: dict[str, Callback] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    undelivered: int = 0  # batches given up
    now_ms: Callable[[], int] = lambda: 0  # the world's clock
    deferred: list[Deferred] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2))
    _ended: threading.Event = field(default_factory=threading.Event)

    def add_callback(self, mid: int, name: str, url: str, *, max_batch: int) -> Callback:
        """Keeps a callback after its address answered the probe. Raises OSError."""
        made = Callback(
            str(uuid4()), mid, name, url, base64.b64encode(secrets.token_bytes(32)).decode(),
            max_batch, str(uuid4()),
        )  # fmt: skip
        body = json.dumps(
            {"callbackId": made.callback_id, "verificationKey": made.verification_key}
        ).encode()
        self.callbacks[made.callback_id] = made  # it may verify before it answers
        try:
            status = _post(url, body, {}, timeout_s=_PROBE_S)
            if status != 200:
                raise OSError(f"the callback answered {status}")
        except OSError:
            self.callbacks.pop(made.callback_id, None)
            raise
        return made

    def verify(self, callback_id: str, key: str) -> bool:
        """Takes a verification key, once, within four hours."""
        found = self.callbacks.get(callback_id)
        if found is None:
            return False
        with self.lock:
            is_right = hmac.compare_digest(found.verification_key.encode(), key.encode())
            if not found.verification_key or not is_right:
                return False
            if time.monotonic() - found.born > 4 * 3600:
                return False
            found.verification_key, found.status = "", "verified"
        return True

    def sign(self, callback: Callback, body: bytes) -> str:
        """The value of x-sfmc-ens-signature."""
        key = callback.signature_key.encode()
        if self.key_reading == "bytes":
            key = base64.b64decode(callback.signature_key)
        return base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()

    def happened(self, name: str, rows: pa.Table) -> None:
        """Hears what was poured into a table; sends it to whoever wants it."""
        if name not in EVENT_TYPES or not self.subscriptions:
            return
        wanted = [
            s for s in list(self.subscriptions.values()) if EVENT_TYPES[name] in s.event_types
        ]
        if not wanted:
            return
        items = items_of(self.tenant, name, rows)
        for subscription in wanted:
            mine = [item for item in items if _matches(subscription, item)]
            callback = self.callbacks.get(subscription.callback_id)
            if mine and callback is not None and callback.status == "verified":
                for start in range(0, len(mine), callback.max_batch):
                    batch = mine[start : start + callback.max_batch]
                    self._send(callback, batch)

    def _send(self, callback: Callback, batch: list[dict[str, Any]]) -> None:
        now_ms = self.now_ms()
        if callback.is_suspended(now_ms):
            with self.lock:
                self.undelivered += 1
        else:
            self._pool.submit(self._deliver, callback, batch, now_ms)

    def tick(self, now_ms: int) -> None:
        """Tries again what is due by the world's clock; gives up after seven days."""
        with self.lock:
            due = [entry for entry in self.deferred if entry.due_ms <= now_ms]
            self.deferred = [entry for entry in self.deferred if entry.due_ms > now_ms]
        for entry in due:
            if now_ms - entry.since_ms > GIVE_UP_MS:
                with self.lock:
                    self.undelivered += 1
            else:
                self._pool.submit(self._deliver, entry.callback, entry.items, entry.since_ms)

    def _deliver(self, callback: Callback, items: list[dict[str, Any]], since_ms: int) -> None:
        body = json.dumps(items, separators=(",", ":")).encode()
        headers = {"x-sfmc-ens-signature": self.sign(callback, body)}
        for attempt in range(ATTEMPTS):
            try:
                if _post(callback.url, body, headers, timeout_s=_TIMEOUT_S) in _GOOD:
                    callback.succeed()
                    return
            except OSError:
                pass
            if self._ended.wait(self.retry_s * 2**attempt):
                return
        now = self.now_ms()
        wait = max(FIRST_DEFERRAL_MS, now - since_ms)  # doubles what has passed
        with self.lock:
            if self.on_failure == "suspend":
                self.undelivered += 1
                callback.fail(now)
                return
            self.deferred.append(Deferred(callback, items, since_ms, now + wait))

    def close(self) -> None:
        """Waits for what is on its way."""
        self._ended.set()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _matches(subscription: Subscription, item: dict[str, Any]) -> bool:
    if item["mid"] != subscription.mid:
        return False
    for entry in subscription.filters:
        name, _, value = entry.partition("=")
        if str(item.get(name.strip(), "")) != value.strip():
            return False
    return True


def _post(url: str, body: bytes, headers: dict[str, str], *, timeout_s: float) -> int:
    """The status that a POST gets. Raises OSError."""
    import httpx2

    try:
        with httpx2.Client(timeout=timeout_s, follow_redirects=False, trust_env=False) as client:
            given = {"Content-Type": "application/json", **headers}
            return int(client.post(url, content=body, headers=given).status_code)
    except httpx2.HTTPError as problem:
        raise OSError(str(problem)) from problem
