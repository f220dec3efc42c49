"""The notification service's API: callbacks, verification, subscriptions (fact sheet 8)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.responses import JSONResponse, Response

from sfmc_sandbox.ens import Callback, Subscription
from sfmc_sandbox.ens_items import EVENT_TYPES, OTHER_TYPES
from sfmc_sandbox.wire.rest_answer import RestError, not_found
from sfmc_sandbox.wire.rest_body import list_body, need, object_body

if TYPE_CHECKING:
    from starlette.requests import Request

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token

_MOST_SUBSCRIPTIONS = 200


def create_callbacks(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST /platform/v1/ens-callbacks: each address is probed before it is kept."""
    made = []
    for entry in list_body(request):
        need(entry, "callbackName", "url")
        name, url = str(entry["callbackName"]), str(entry["url"])
        size = entry.get("maxBatchSize", 1000)
        if not isinstance(size, int) or not 100 <= size <= 1000:
            raise RestError(400, 10005, "maxBatchSize must lie between 100 and 1000.")
        _check_url(url)
        if any(c.mid == token.mid and c.url == url for c in list(sandbox.ens.callbacks.values())):
            return Response(status_code=304)
        try:
            callback = sandbox.ens.add_callback(token.mid, name, url, max_batch=size)
        except OSError as problem:
            raise RestError(
                400, 10000,
                f"MCMS_UWH_Runtime_GeneralFailure_probeCallbackLiveness: {problem}",
            ) from problem  # fmt: skip
        made.append(callback.told(with_key=True))
    return JSONResponse(made, 201)


def _check_url(url: str) -> None:
    """https, no port, no query. A sandbox's own machine is exempt: tests live there."""
    refused = RestError(400, 10005, "The callback url must be https, without port and query.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as problem:
        raise refused from problem
    try:
        is_here = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = False
    if is_here and parts.scheme in {"http", "https"} and not parts.query:
        return
    if parts.scheme != "https" or port is not None or parts.query or not host:
        raise refused


def _mine(sandbox: Sandbox, token: Token, request: Request) -> Callback:
    found = sandbox.ens.callbacks.get(request.path_params["id"])
    if found is None or found.mid != token.mid:
        raise not_found()
    return found


def list_callbacks(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /platform/v1/ens-callbacks."""
    del request
    return JSONResponse(
        [
            c.told(now_ms=sandbox.ens.now_ms())
            for c in list(sandbox.ens.callbacks.values())
            if c.mid == token.mid
        ]
    )


def get_callback(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /platform/v1/ens-callbacks/{id}."""
    return JSONResponse(_mine(sandbox, token, request).told(now_ms=sandbox.ens.now_ms()))


def remove_callback(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """DELETE /platform/v1/ens-callbacks/{id}, with its subscriptions."""
    found = _mine(sandbox, token, request)
    sandbox.ens.callbacks.pop(found.callback_id, None)
    for number, subscription in list(sandbox.ens.subscriptions.items()):
        if subscription.callback_id == found.callback_id:
            sandbox.ens.subscriptions.pop(number, None)
    return JSONResponse({"callbackId": found.callback_id})


def verify(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST /platform/v1/ens-verify: the key is good once, for four hours."""
    content = object_body(request)
    need(content, "callbackId", "verificationKey")
    found = sandbox.ens.callbacks.get(str(content["callbackId"]))
    is_ours = found is not None and found.mid == token.mid
    if not is_ours or not sandbox.ens.verify(
        str(content["callbackId"]), str(content["verificationKey"])
    ):
        raise RestError(400, 10005, "The verification key is not valid.")
    return JSONResponse({"callbackId": content["callbackId"]})


def create_subscriptions(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST /platform/v1/ens-subscriptions."""
    made = []
    for entry in list_body(request):
        need(entry, "callbackId", "subscriptionName", "eventCategoryTypes")
        with sandbox.ens.lock:
            subscription = _subscription(sandbox, token, entry)
            sandbox.ens.subscriptions[subscription.subscription_id] = subscription
        made.append(subscription.told())
    return JSONResponse(made, 201)


def _subscription(sandbox: Sandbox, token: Token, entry: dict[str, Any]) -> Subscription:
    callback = sandbox.ens.callbacks.get(str(entry["callbackId"]))
    if callback is None or callback.mid != token.mid or callback.status != "verified":
        raise RestError(400, 10005, "The callback does not exist or is not verified.")
    wanted = entry["eventCategoryTypes"]
    known = set(EVENT_TYPES.values()) | OTHER_TYPES
    if not isinstance(wanted, list) or not set(map(str, wanted)) <= known:
        raise RestError(400, 10005, "An event category type is not valid.")
    filters = entry.get("filters") or []
    if not isinstance(filters, list):
        raise RestError(400, 10005, "The field filters must be a list.")
    siblings = [s for s in list(sandbox.ens.subscriptions.values()) if s.mid == token.mid]
    if any(s.name == entry["subscriptionName"] for s in siblings):
        raise RestError(400, 10005, "The subscriptionName exists already.")
    if sum(s.callback_id == callback.callback_id for s in siblings) >= _MOST_SUBSCRIPTIONS:
        raise RestError(400, 10005, "A callback has at most 200 subscriptions.")
    return Subscription(
        str(uuid4()), token.mid, callback.callback_id, str(entry["subscriptionName"]),
        tuple(map(str, wanted)), tuple(map(str, filters)),
    )  # fmt: skip


def list_subscriptions(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /platform/v1/ens-subscriptions-by-cb/{id}."""
    number = _mine(sandbox, token, request).callback_id
    found = [s.told() for s in list(sandbox.ens.subscriptions.values()) if s.callback_id == number]
    return JSONResponse(found)


def remove_subscription(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """DELETE /platform/v1/ens-subscriptions/{id}."""
    number = request.path_params["id"]
    found = sandbox.ens.subscriptions.get(number)
    if found is None or found.mid != token.mid:
        raise not_found()
    sandbox.ens.subscriptions.pop(number, None)
    return JSONResponse({"subscriptionId": number})
