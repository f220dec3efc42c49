"""Who runs a mailbox: by its domain, better by the host that answers for it."""

from __future__ import annotations

import pytest

from bouncelens.parse.provider import provider_of, providers

CASES = [
    ("gmail.com", None, "google"),
    ("HotMail.co.uk", None, "microsoft_consumer"),
    ("acme.example", "acme-example.mail.protection.outlook.com", "microsoft_365"),
    ("acme.example", "hotmail-com.olc.protection.outlook.com", "microsoft_consumer"),
    ("acme.example", "mx-aol.mail.gm0.yahoodns.net.", "aol"),
    ("acme.example", None, None),
    ("notgmail.com", None, None),
    (None, None, None),
]


@pytest.mark.parametrize(("domain", "host", "slug"), CASES)
def test_finds_the_provider(domain: str | None, host: str | None, slug: str | None) -> None:
    assert provider_of(domain, host) == slug


def test_no_domain_and_no_host_belongs_to_two_providers() -> None:
    for kind in ("domains", "hosts"):
        names = [name for provider in providers() for name in getattr(provider, kind)]
        assert len(names) == len(set(names))
        assert all(name == name.lower().strip(".") for name in names)
    slugs = [provider.slug for provider in providers()]
    assert len(slugs) == len(set(slugs))
