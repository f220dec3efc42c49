"""What can be set about look-ups in DNS, and about providers found by them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from bouncelens.settings.part import Part

# 192.0.2.53, 192.0.2.53:5353, 2001:db8::53, [2001:db8::53]:5353
_RESOLVER = r"^([0-9.]{7,15}(:\d{1,5})?|[0-9A-Fa-f:.]{2,45}|\[[0-9A-Fa-f:.]{2,45}\]:\d{1,5})$"


class DnsSettings(Part):
    """How DNS is asked: politely, and never while replies are judged."""

    resolvers: tuple[Annotated[str, Field(pattern=_RESOLVER)], ...] = Field(
        default=(),
        description='Addresses of resolvers, e.g. ["192.0.2.53"] or ["192.0.2.53:5353"]. Empty: '
        "those of the system.",
    )
    timeout_s: float = Field(default=5, gt=0, le=60, description="Seconds to wait for one answer.")
    at_once: int = Field(default=16, ge=1, le=256, description="Look-ups under way at a time.")
    per_s: float = Field(default=50, gt=0, le=1000, description="Questions a second at most.")

    @field_validator("resolvers")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            resolver_address(text)
        return value


class ProvidersSettings(Part):
    """Providers found by MX, where the domain's name tells none."""

    lookup: bool = Field(default=False, description="Look up new domains at the end of every pull.")
    most: int = Field(default=2000, ge=1, description="Domains that a pull asks about at most.")
    least_hours: float = Field(
        default=24, gt=0, description="How long an answer counts at least, whatever its TTL."
    )
    most_hours: float = Field(default=720, gt=0, description="How long it counts at most.")
    negative_hours: float = Field(
        default=6, gt=0, description="How long it counts that there is no MX, or no answer."
    )


def resolver_address(text: str) -> tuple[str, int]:
    """Address and port of a resolver as the settings write it. Raises ValueError."""
    from ipaddress import ip_address

    host, port = text, 53
    if text.startswith("["):
        host, _, tail = text[1:].partition("]:")
        port = int(tail)
    elif text.count(":") == 1:
        host, _, tail = text.partition(":")
        port = int(tail)
    ip_address(host)
    if not 0 < port < 65536:
        raise ValueError(f"{port} is no port")
    return host, port
