"""Access tokens: one business unit each, 1079 seconds, the scopes of the installed package."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

LIFETIME_S = 1079  # live value; the documentation says 20 minutes (fact sheet 1)
SCOPES = (
    "offline accounts_read automations_execute automations_read automations_write "
    "data_extensions_read data_extensions_write documents_and_images_read email_read email_write "
    "event_notification_callback_create event_notification_callback_delete "
    "event_notification_callback_read event_notification_callback_update "
    "event_notification_subscription_create event_notification_subscription_delete "
    "event_notification_subscription_read event_notification_subscription_update "
    "file_locations_read file_locations_write list_and_subscribers_read "
    "list_and_subscribers_write saved_content_read saved_content_write tracking_events_read"
)


@dataclass(frozen=True, slots=True)
class Token:
    """What an access token allows."""

    text: str
    mid: int
    scopes: frozenset[str]
    expires_at: float  # on the tokens' clock, seconds


@dataclass(slots=True)
class Tokens:
    """The tokens given out. `clock` gives seconds; tests turn it."""

    lifetime_s: float = LIFETIME_S
    clock: Callable[[], float] = time.monotonic
    _known: dict[str, Token] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def issue(self, mid: int, enterprise: int, scopes: frozenset[str]) -> Token:
        """A new token for a business unit."""
        token = Token(_spell(mid, enterprise), mid, scopes, self.clock() + self.lifetime_s)
        with self._lock:
            now = self.clock()
            # Expired tokens are remembered for a while, so that they are told as expired.
            self._known = {
                text: old for text, old in self._known.items() if old.expires_at > now - 3600
            }
            self._known[token.text] = token
        return token

    def look(self, text: str | None) -> Token | Literal["missing", "unknown", "expired"]:
        """The token of a text, or why there is none."""
        if not text:
            return "missing"
        token = self._known.get(text)
        if token is None:
            return "unknown"
        return token if token.expires_at > self.clock() else "expired"


def _spell(mid: int, enterprise: int) -> str:
    """Looks like the real ones, some 500 characters, and means nothing."""

    def part(content: dict[str, object]) -> str:
        raw = json.dumps(content, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    head = part({"alg": "HS256", "kid": "4", "ver": "1", "typ": "JWT"})
    body = part(
        {
            "access_token": secrets.token_urlsafe(18),
            "client_id": secrets.token_hex(12),
            "eid": enterprise,
            "mid": mid,
            "stack_key": "S0",
            "platform_version": 2,
            "client_type": "ServerToServer",
            "pid": secrets.randbelow(900),
            "nonce": secrets.token_urlsafe(96),
        }
    )
    return f"{head}.{body}.{secrets.token_urlsafe(32)}"
