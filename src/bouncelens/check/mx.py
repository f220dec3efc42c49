"""Where domains take their mail: MX records, asked for side by side and politely.

Every way in which DNS can answer, or not, is an outcome of its own. Domains come from strangers'
lists: what is no public host name is never asked.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bouncelens.bounce import MailHosts

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver
    from dns.exception import DNSException
    from dns.resolver import Answer

    from bouncelens.settings.dns import DnsSettings

OUTCOMES: Mapping[str, str] = {
    "mx": "it has MX records",
    "null_mx": "it takes no mail and says so (RFC 7505)",
    "implicit_mx": "it has no MX, so mail goes to its own address (RFC 5321 5.1)",
    "bad_mx": "its MX records name no usable host",
    "no_mail": "it exists, but has neither MX nor address",
    "nxdomain": "there is no such domain",
    "servfail": "its name servers do not answer properly",
    "refused": "our resolver would not ask",
    "timeout": "no answer came in time",
    "unreachable": "our resolver cannot be reached",
    "not_asked": "it is no name that could be asked in public",
}
# Tomorrow the answer may be another: these say nothing about the domain.
PASSING = frozenset({"servfail", "refused", "timeout", "unreachable"})
# Not a word from these says anything about anybody: DNS itself does not work here.
DEAD = frozenset({"timeout", "unreachable", "refused"})

# RFC 6761, RFC 6762, RFC 7686, RFC 9476, ICANN's .internal, and what people call networks at home.
# .test and .example may be asked: nobody can be behind them, and a resolver of one's own may know.
_PRIVATE = frozenset({
    "alt", "arpa", "corp", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain",
    "localhost", "mail", "onion", "private",
})  # fmt: skip
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_MOST_HOSTS = 20  # of a domain: whoever has more wants to fill our ledger
_LONGEST = 253  # characters of a name, RFC 1035 2.3.4


class MxAsker:
    """Asks, `at_once` domains at a time and `per_s` questions a second."""

    def __init__(
        self, settings: DnsSettings, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings, self._clock = settings, clock
        self._next = 0.0  # when the next question may go out, monotonic

    def look_up(self, domains: Collection[str]) -> list[MailHosts]:
        """An answer for each name of `asked_name`. Never raises for what DNS says or does not."""
        return asyncio.run(self._all(domains))

    def answers(self) -> str:
        """`ok` when our resolver answers at all, else the outcome: timeout, unreachable …"""
        return asyncio.run(self._root())

    async def _all(self, domains: Collection[str]) -> list[MailHosts]:
        resolver, places = _resolver(self._settings), asyncio.Semaphore(self._settings.at_once)

        async def one(domain: str) -> MailHosts:
            async with places:
                outcome, hosts, ttl_s = await self._one(resolver, domain)
                return MailHosts(domain, outcome, self._clock(), hosts, ttl_s)

        return list(await asyncio.gather(*map(one, domains)))

    async def _one(
        self, resolver: Resolver | None, domain: str
    ) -> tuple[str, tuple[tuple[int, str], ...], int | None]:
        from dns.exception import DNSException
        from dns.resolver import NoAnswer

        if resolver is None:
            return "unreachable", (), None
        try:
            answer = await self._ask(resolver, domain, "MX")
        except NoAnswer:
            return await self._address(resolver, domain)
        except (DNSException, OSError) as error:
            return _failure(error), (), None
        return _read(answer)

    async def _address(
        self, resolver: Resolver, domain: str
    ) -> tuple[str, tuple[tuple[int, str], ...], int | None]:
        """RFC 5321 5.1: without an MX, the domain's own address is as good as one."""
        from dns.exception import DNSException
        from dns.resolver import NoAnswer

        for kind in ("A", "AAAA"):
            try:
                answer = await self._ask(resolver, domain, kind)
            except NoAnswer:
                continue
            except (DNSException, OSError) as error:
                return _failure(error), (), None
            return "implicit_mx", ((0, domain),), _ttl_s(answer)
        return "no_mail", (), None

    async def _root(self) -> str:
        from dns.exception import DNSException
        from dns.resolver import NoAnswer

        resolver = _resolver(self._settings)
        if resolver is None:
            return "unreachable"
        try:
            await self._ask(resolver, ".", "NS")
        except NoAnswer:
            return "ok"
        except (DNSException, OSError) as error:
            found = _failure(error)
            return found if found in PASSING else "ok"
        return "ok"

    async def _ask(self, resolver: Resolver, name: str, kind: str) -> Answer:
        now = time.monotonic()
        turn = max(now, self._next)
        self._next = turn + 1 / self._settings.per_s
        await asyncio.sleep(turn - now)
        return await resolver.resolve(
            f"{name.rstrip('.')}.", kind, search=False, lifetime=self._settings.timeout_s
        )


def asked_name(domain: str) -> str | None:
    """The name under which a domain is asked for: A-labels, lower case, no dot at the end. None
    for what is no public host name: too long, an IP address, a single label, a private name."""
    import idna

    text = domain.strip().rstrip(".").lower()
    if not text or len(text) > _LONGEST or not text.isprintable():
        return None
    try:
        name = text if text.isascii() else idna.encode(text, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None
    labels = name.split(".")
    is_name = len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)
    if not is_name or len(name) > _LONGEST or labels[-1].isdigit() or labels[-1] in _PRIVATE:
        return None
    return name


def _resolver(settings: DnsSettings) -> Resolver | None:
    """None where the system names no resolver."""
    from dns.asyncresolver import Resolver
    from dns.nameserver import Do53Nameserver
    from dns.resolver import NoResolverConfiguration

    from bouncelens.settings.dns import resolver_address

    try:
        resolver = Resolver(configure=not settings.resolvers)
    except (NoResolverConfiguration, OSError):
        return None
    if settings.resolvers:
        resolver.nameservers = [
            Do53Nameserver(*resolver_address(text)) for text in settings.resolvers
        ]
    resolver.cache = None
    resolver.timeout = settings.timeout_s / 2  # of one try: the next resolver shall have its turn
    return resolver


def _read(answer: Answer) -> tuple[str, tuple[tuple[int, str], ...], int | None]:
    """What MX records say. A host under `.invalid` marks somebody's set-up; no mail goes there."""
    told = sorted((record.preference, record.exchange) for record in answer)
    if all(len(exchange) == 1 for _, exchange in told):
        return "null_mx", (), _ttl_s(answer)
    names = ((n, exchange.to_text(omit_final_dot=True).lower()) for n, exchange in told)
    hosts = tuple((n, name) for n, name in names if asked_name(name) == name)[:_MOST_HOSTS]
    return "mx" if hosts else "bad_mx", hosts, _ttl_s(answer)


def _ttl_s(answer: Answer) -> int:
    return int(answer.chaining_result.minimum_ttl)


def _failure(error: DNSException | OSError) -> str:
    from dns.exception import Timeout
    from dns.resolver import NXDOMAIN, NoNameservers

    if isinstance(error, NXDOMAIN):
        return "nxdomain"
    if isinstance(error, Timeout):
        return "timeout"
    if isinstance(error, NoNameservers):
        return _of_servers(error.kwargs.get("errors", ()))
    return "unreachable" if isinstance(error, OSError) else "servfail"


def _of_servers(errors: Iterable[tuple[object, ...]]) -> str:
    """Why no resolver of several gave an answer: the last one that said something counts."""
    said = [error[3] for error in errors]
    codes = [word for word in said if isinstance(word, str)]
    if codes:
        return "refused" if codes[-1] == "REFUSED" else "servfail"
    return "unreachable" if any(isinstance(word, OSError) for word in said) else "servfail"
