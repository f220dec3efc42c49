"""The speed of the sandbox: making a tenant, pages of SOAP and of REST, as a client sees them."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from typing import Any

import httpx2

_ENVELOPE = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
    '<fueloauth xmlns="http://exacttarget.com">{token}</fueloauth></s:Header><s:Body>'
    '<RetrieveRequestMsg xmlns="http://exacttarget.com/wsdl/partnerAPI"><RetrieveRequest>{inner}'
    "</RetrieveRequest></RetrieveRequestMsg></s:Body></s:Envelope>"
)
_OBJECTS = {
    "BounceEvent": "SendID SubscriberKey EventDate EventType BatchID SMTPCode SMTPReason "
    "BounceCategory BounceType",
    "SentEvent": "SendID SubscriberKey EventDate EventType BatchID ListID SubscriberID",
    "Subscriber": "ID SubscriberKey EmailAddress Status CreatedDate",
}


def run(arguments: argparse.Namespace) -> int:
    """Starts a sandbox, reads pages from it, prints one JSON object."""
    command = [sys.executable, "-m", "sfmc_sandbox", "serve", "--until", "2026-06-01"]
    command += ["--tenant", arguments.tenant] if arguments.tenant else []
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        figures: dict[str, Any] = {"ready_s": round(time.perf_counter() - began, 1)}
        figures["bounces"] = ready["planted"]
        try:
            with httpx2.Client(timeout=120) as http:
                _measure(http, ready, figures, arguments.pages)
        finally:
            process.terminate()
    print(json.dumps(figures))
    return 0


def _measure(
    http: httpx2.Client, ready: dict[str, Any], figures: dict[str, Any], pages: int
) -> None:
    signed = http.post(
        f"{ready['url']}/v2/token",
        json={
            "grant_type": "client_credentials",
            "client_id": ready["client_id"],
            "client_secret": ready["client_secret"],
            "account_id": ready["accounts"][1]["mid"],
        },
    ).json()
    for name, properties in _OBJECTS.items():
        asked = "".join(f"<Properties>{p}</Properties>" for p in properties.split())
        figures[name] = _soap(http, ready["url"], signed["access_token"], pages=pages,
                              inner=f"<ObjectType>{name}</ObjectType>{asked}")  # fmt: skip
    figures["rowset"] = _rowset(http, ready["url"], signed["access_token"], pages)


def _soap(http: httpx2.Client, url: str, token: str, *, inner: str, pages: int) -> dict[str, Any]:
    read, rows, began = 0, 0, time.perf_counter()
    while read < pages:
        body = _ENVELOPE.format(token=token, inner=inner)
        text = http.post(f"{url}/Service.asmx", content=body).text
        read, rows = read + 1, rows + text.count("<Results ")
        if "MoreDataAvailable" not in text[:3000]:
            break
        number = re.search("<RequestID>(.*?)<", text)
        assert number is not None
        inner = f"<ContinueRequest>{number.group(1)}</ContinueRequest>"
    return _rate(read, rows, began)


def _rowset(http: httpx2.Client, url: str, token: str, pages: int) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    path = "/v1/customobjectdata/key/bouncelens_sends/rowset?$pageSize=2500"
    read, rows, began = 0, 0, time.perf_counter()
    while read < pages:
        page = http.get(f"{url}/data{path}", headers=headers).json()
        read, rows = read + 1, rows + len(page.get("items", []))
        if "next" not in page["links"]:
            break
        path = page["links"]["next"]
    return _rate(read, rows, began)


def _rate(pages: int, rows: int, began: float) -> dict[str, Any]:
    seconds = time.perf_counter() - began
    return {"pages": pages, "rows": rows, "pages_per_s": round(pages / seconds, 1)}
