"""The speed of the sandbox: making a tenant, pages of SOAP and of REST, as a client sees them."""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
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
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        tenant = arguments.tenant
        if arguments.make:
            tenant = f"{folder}/tenant"
            figures["make"] = _make(arguments.make, Path(folder))
        _serve(tenant, figures, arguments.pages)
    print(json.dumps(figures))
    return 0


def _make(events: int, folder: Path) -> dict[str, Any]:
    """Writes a tenant of about so many events to disk, as `sfmc_sandbox make` does."""
    (folder / "tenant.toml").write_text(
        f"seed = 5\nmonths = 12\npeople = {max(1000, events // 50)}\n"
        f"messages = {events * 4 // 5}\nsendings = {min(2000, max(24, events // 25_000))}\n"
        "until = 2026-06-01\n"
    )
    command = [sys.executable, "-m", "sfmc_sandbox", "make"]
    command += ["--describe", str(folder / "tenant.toml"), "--out", str(folder / "tenant")]
    began = time.perf_counter()
    told = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=True).stderr
    seconds = time.perf_counter() - began
    made = int(re.findall(r"([\d,]+) events in ", told)[-1].replace(",", ""))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    size = sum(path.stat().st_size for path in (folder / "tenant").iterdir())
    return {"events": made, "seconds": round(seconds, 1), "events_per_s": round(made / seconds),
            "rss_mib": peak, "disk_mib": size >> 20}  # fmt: skip


def _serve(tenant: str | None, figures: dict[str, Any], pages: int) -> None:
    command = [sys.executable, "-m", "sfmc_sandbox", "serve", "--until", "2026-06-01"]
    command += ["--tenant", tenant] if tenant else []
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        figures["ready_s"] = round(time.perf_counter() - began, 1)
        figures["bounces"] = ready["planted"]
        try:
            with httpx2.Client(timeout=120) as http:
                _measure(http, ready, figures, pages)
            figures["serving_rss_mib"] = _peak_mib(process.pid)
        finally:
            process.terminate()


def _peak_mib(pid: int) -> int | None:
    """The most memory that a process had, where the system tells."""
    try:
        told = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return int(re.findall(r"VmHWM:\s+(\d+)", told)[0]) // 1024


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
