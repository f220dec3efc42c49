"""What a person asks a pull for, made sure of before anything is asked of Marketing Cloud."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from bouncelens.bounce import Only
from bouncelens.errors import InputInvalid, SettingsInvalid
from bouncelens.settings import Settings

ROUTES = ("soap", "query", "tracking")
# What a route can be narrowed to.
_NARROWED = {"soap": ("job",), "query": ("job", "domain"), "tracking": ()}


@dataclass(frozen=True, slots=True)
class Asked:
    """The wishes. `routes`: empty means those of the settings; `since`: UTC; `job` and `domain`
    narrow the pull to one campaign or receiving domain and leave every bookmark where it is."""

    accounts: tuple[int | str, ...] = ()
    routes: tuple[str, ...] = ()
    since: datetime | None = None
    job: int | None = None
    domain: str | None = None

    @property
    def only(self) -> Only:
        """What the pull is narrowed to."""
        domain = self.domain.strip().lower().lstrip("@") if self.domain is not None else None
        return Only(self.job, domain)

    def route_names(self, settings: Settings) -> tuple[str, ...]:
        """The routes to take, in order. Raises InputInvalid and SettingsInvalid for those that
        do not exist, are not set up, or cannot do what is asked."""
        if unknown := [name for name in self.routes if name not in ROUTES]:
            raise InputInvalid(
                f"No route is called {unknown[0][:40]!r}.",
                advice=f"There are: {', '.join(ROUTES)}.",
            )
        if "tracking" in self.routes and not settings.tracking.host:
            raise SettingsInvalid(
                "The tracking route has no tracking.host.",
                advice="Write the SFTP server into bouncelens.toml, or leave the route out.",
            )
        wanted = tuple(dict.fromkeys(self.routes or settings.routes))
        if not settings.tracking.host or (self.accounts and not self.routes):
            # An extract may hold any account, so naming some leaves extracts alone.
            wanted = tuple(name for name in wanted if name != "tracking")
        if not wanted:  # a pull of nothing would be green
            why = "extracts hold any account" if settings.tracking.host else "it has no host"
            raise SettingsInvalid(
                f"Of the routes in the settings there is only tracking, and {why}: nothing would "
                "be pulled.",
                advice="Name another one in routes, or say --route.",
            )
        return self._narrowed(wanted)

    def _narrowed(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        for name in ("job", "domain"):
            if getattr(self.only, name) is None:
                continue
            able = tuple(route for route in wanted if name in _NARROWED[route])
            if not able or (self.routes and able != wanted):
                odd = next(route for route in wanted or ("tracking",) if route not in able)
                can = ", ".join(route for route in ROUTES if name in _NARROWED[route])
                raise InputInvalid(
                    f"The {odd} route cannot be asked for one {name} only.",
                    advice=f"Say --route with one that can: {can}.",
                )
            wanted = able
        return wanted

    def checked(self, now: datetime | None) -> None:
        """Raises InputInvalid for what cannot be meant."""
        moment = now or datetime.now(UTC)
        if self.since is not None and self.since >= moment:
            raise InputInvalid(
                f"--since {self.since:%Y-%m-%d} lies in the future: nothing has happened since.",
                advice=f"It is {moment:%Y-%m-%d %H:%M} UTC; name an earlier day.",
            )
        if self.job is not None and not 0 < self.job < 2**63:
            raise InputInvalid(f"{self.job} is no job.", advice="A JobID is a whole number.")
        if self.only.domain is not None and not _is_domain(self.only.domain):
            raise InputInvalid(
                f"{self.only.domain[:60]!r} is no domain.", advice="Write it as example.com."
            )


def _is_domain(text: str) -> bool:
    return 0 < len(text) <= 253 and "." in text and not any(c in "@ \t\r\n/\\" for c in text)
