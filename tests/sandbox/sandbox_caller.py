"""Speaks to a sandbox as clients do, and reads its answers by local name."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2
import uvicorn
from lxml import etree

from sfmc_sandbox.cli import listen_at
from sfmc_sandbox.wire.app import make_app
from sfmc_sandbox.wire.sandbox import Sandbox
from sfmc_sandbox.wire.tearing import TearableProtocol
from sfmc_sandbox.world.tenant import Tenant

PARTNER = "{http://exacttarget.com/wsdl/partnerAPI}"
RETAIL = 7_000_101
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


@dataclass
class Answer:
    """A SOAP answer, read by local name."""

    status: int
    text: str
    root: etree._Element = field(repr=False)

    def first(self, name: str) -> str | None:
        """Text of the first element of a local name."""
        found = next((n for n in self.root.iter() if etree.QName(n).localname == name), None)
        return None if found is None else found.text

    def every(self, name: str) -> list[str | None]:
        """Texts of all elements of a local name."""
        return [n.text for n in self.root.iter() if etree.QName(n).localname == name]

    @property
    def results(self) -> list[dict[str, str | None]]:
        """Results as flat dicts by local name."""
        return [
            {etree.QName(n).localname: n.text for n in row.iter() if n is not row}
            for row in self.root.iter(f"{PARTNER}Results")
        ]


@dataclass
class Caller:
    """Speaks to a sandbox as clients do."""

    url: str
    sandbox: Sandbox
    http: httpx2.Client

    def sign_in(self, mid: int | None = RETAIL, **more: object) -> httpx2.Response:
        body = {
            "grant_type": "client_credentials",
            "client_id": self.sandbox.client_id,
            "client_secret": self.sandbox.client_secret,
            **({} if mid is None else {"account_id": mid}),
            **more,
        }
        return self.http.post(f"{self.url}/v2/token", json=body)

    def token(self, mid: int | None = RETAIL, **more: object) -> str:
        return str(self.sign_in(mid, **more).json()["access_token"])

    def post(self, body: str | bytes, *, path: str = "/Service.asmx", **headers: str) -> Answer:
        given = {"Content-Type": "text/xml", **{k.replace("_", "-"): v for k, v in headers.items()}}
        content = body.encode() if isinstance(body, str) else body
        answer = self.http.post(f"{self.url}{path}", content=content, headers=given)
        return Answer(answer.status_code, answer.text, etree.fromstring(answer.content))

    def soap(self, body: str, *, token: str | None = None, **headers: str) -> Answer:
        token = self.token() if token is None else token
        headers.setdefault("SOAPAction", "")
        return self.post(envelope(body, token), **headers)

    def retrieve(self, inner: str, *, token: str | None = None, **headers: str) -> Answer:
        return self.soap(
            '<RetrieveRequestMsg xmlns="http://exacttarget.com/wsdl/partnerAPI">'
            f"<RetrieveRequest>{inner}</RetrieveRequest></RetrieveRequestMsg>",
            token=token,
            **headers,
        )

    def rest(
        self, path: str, *, token: str | None = None, method: str = "GET", **more: object
    ) -> httpx2.Response:
        token = self.token() if token is None else token
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}  # type: ignore[dict-item]
        return self.http.request(method, f"{self.url}{path}", headers=headers, **more)  # type: ignore[arg-type]


def envelope(body: str, token: str) -> str:
    """A SOAP 1.1 envelope with a token."""
    return (
        f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" {XSI}>'
        f'<s:Header><fueloauth xmlns="http://exacttarget.com">{token}</fueloauth></s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    )


def props(*names: str) -> str:
    """Properties elements."""
    return "".join(f"<Properties>{name}</Properties>" for name in names)


def simple(name: str, operator: str, *values: str, tag: str = "Filter", date: bool = False) -> str:
    """A simple filter part."""
    kind = "DateValue" if date else "Value"
    return (
        f'<{tag} xsi:type="SimpleFilterPart"><Property>{name}</Property>'
        f"<SimpleOperator>{operator}</SimpleOperator>"
        + "".join(f"<{kind}>{value}</{kind}>" for value in values)
        + f"</{tag}>"
    )


def both(left: str, right: str, operator: str = "AND") -> str:
    """A complex filter of two simple ones."""
    left = left.replace("<Filter ", "<LeftOperand ").replace("</Filter>", "</LeftOperand>")
    right = right.replace("<Filter ", "<RightOperand ").replace("</Filter>", "</RightOperand>")
    return (
        f'<Filter xsi:type="ComplexFilterPart">{left}<LogicalOperator>{operator}'
        f"</LogicalOperator>{right}</Filter>"
    )


@contextmanager
def running_sandbox(tenant: Tenant) -> Iterator[Caller]:
    """A sandbox around a tenant, on a free port of loopback."""
    sandbox = Sandbox.of(tenant)
    listener = listen_at("127.0.0.1", 0)
    config = uvicorn.Config(
        make_app(sandbox), http=TearableProtocol, log_level="critical", lifespan="off", ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    with httpx2.Client(timeout=60) as http:
        yield Caller(f"http://127.0.0.1:{listener.getsockname()[1]}", sandbox, http)
    server.should_exit = True
    thread.join()
    sandbox.close()
