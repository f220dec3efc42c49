"""Who runs a mailbox: by its domain, better by the host that answers for it."""

from __future__ import annotations

import pytest

from bouncelens.parse.provider import provider_name, provider_of, provider_said, providers

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


SAID = [
    ("<kim@firm.example>: host gmail-smtp-in.l.google.com[192.0.2.1] said: 550 x", "google"),
    ("host aspmx.l.google.com [192.0.2.1]: 550 no", "google"),
    ("550 5.1.1 no such user https://support.google.com/mail/?p=NoSuchUser x1 - gsmtp", "google"),
    ("host mx1.hotmail.com[192.0.2.1] said: 550 SC-001", "microsoft_consumer"),
    ("550 5.4.1 Denied [DB5EUR01FT003.eop-EUR01.prod.protection.outlook.com]", "microsoft_365"),
    (
        "550 5 (S2017). [BN8N.eop-nam12.prod.protection.outlook.com 2026-01-02T03:04:05Z 0B]",
        "microsoft_365",
    ),
    ("host mta4.am0.yahoodns.net (mta4.am0.yahoodns.net) said: 554 x", "yahoo"),
    ("451 message temporarily deferred (mta4.am0.yahoodns.net)", "yahoo"),
    ("554 resimta-po-12v.sys.comcast.net comcast 192.0.2.66 blocked", "comcast"),
    ("... while talking to mx.yandex.ru.", "yandex"),
    ("Remote-MTA: dns; mx01.mail.icloud.com", "apple"),
    ("550 Client host mail-a1.google.com[192.0.2.1] blocked", None),
    ("550 5.7.1 <kim@gmail.com>: sender refused, see https://www.google.com/", None),
    ("550 gmail.com is not allowed", None),
    ("", None),
]


@pytest.mark.parametrize(("words", "slug"), SAID)
def test_a_reply_says_who_answered(words: str, slug: str | None) -> None:
    assert provider_said(words) == slug


def test_a_provider_has_a_name_for_people() -> None:
    assert provider_name("google") == "Google (Gmail and Workspace)"
    assert provider_name("nobody") is None
    assert provider_name(None) is None
