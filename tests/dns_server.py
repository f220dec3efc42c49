"""A small name server on loopback: every way of answering, or of not answering, by name."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Zones = Mapping[str, "Zone | str"]
_CODES = {
    "nxdomain": dns.rcode.NXDOMAIN,
    "servfail": dns.rcode.SERVFAIL,
    "refused": dns.rcode.REFUSED,
    "formerr": dns.rcode.FORMERR,
}


@dataclass(frozen=True)
class Zone:
    """The records of a name, as a zone file writes them."""

    mx: tuple[str, ...] = ()
    a: tuple[str, ...] = ()
    aaaa: tuple[str, ...] = ()
    cname: str = ""
    ttl: int = 3600


@dataclass
class DnsServer:
    """Answers by its zones: records, a code by its name, or `silent`; nxdomain for all others."""

    zones: dict[str, Zone | str]
    resolver: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)  # name and kind, in order

    def answer(self, wire: bytes) -> bytes | None:
        """The bytes that go back; None: nothing does."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), question.rdtype
        self.asked.append((name, dns.rdatatype.to_text(kind)))
        found = Zone() if name in ("", ".") else self.zones.get(name, "nxdomain")
        if found == "silent":
            return None
        if found == "noise":
            return b"\x00" * 11
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        if isinstance(found, str):
            reply.set_rcode(_CODES[found])
            return reply.to_wire()
        while found.cname:
            alias = dns.rrset.from_text(name + ".", found.ttl, "IN", "CNAME", found.cname + ".")
            reply.answer.append(alias)
            name = found.cname
            target = self.zones[name]
            assert isinstance(target, Zone)
            found = target
        word = dns.rdatatype.to_text(kind).lower()
        if records := getattr(found, word, ()):
            reply.answer.append(dns.rrset.from_text(name + ".", found.ttl, "IN", word, *records))
        return reply.to_wire()


@contextmanager
def running_dns(zones: Zones) -> Iterator[DnsServer]:
    """A server on a free port while the block runs."""
    server = DnsServer(dict(zones))

    class Answering(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, back = self.request
            answer = server.answer(wire)
            if answer is not None:
                back.sendto(answer, self.client_address)

    with socketserver.UDPServer(("127.0.0.1", 0), Answering) as listening:
        server.resolver = f"127.0.0.1:{listening.server_address[1]}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        listening.shutdown()
        thread.join()


def closed_port() -> str:
    """The address of a resolver that is not there."""
    with socketserver.UDPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as gone:
        return f"127.0.0.1:{gone.server_address[1]}"
