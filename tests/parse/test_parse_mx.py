"""Who takes a domain's mail: by MX hosts, whose rules and examples are in providers.toml."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from bouncelens.parse.mx import Decided, is_gateway, provider_of_mx
from bouncelens.parse.provider import entries, provider_of, providers

EXAMPLES = [(entry["slug"], host) for entry in entries() for host in entry.get("mx_examples", ())]


@pytest.mark.parametrize(("slug", "host"), EXAMPLES)
def test_the_table_finds_its_own_examples(slug: str, host: str) -> None:
    assert provider_of_mx([(10, host)]).provider == slug


def test_every_rule_for_mx_alone_has_an_example_and_a_source() -> None:
    lacking = [
        entry["slug"]
        for entry in entries()
        if (entry.get("mx") or entry.get("is_gateway"))
        and not (entry.get("mx_examples") and entry.get("source"))
    ]
    assert lacking == []


def test_a_suffix_speaks_of_one_provider() -> None:
    names = Counter(name for provider in providers() for name in provider.mx)
    hosts = {name for provider in providers() for name in provider.hosts}
    refused = {name for provider in providers() for name in provider.not_mx}
    assert [name for name, count in names.items() if count > 1] == []
    assert set(names) & hosts <= refused, "another provider's host becomes ours only if it lets go"
    form = re.compile(r"[a-z0-9-]+(\.([a-z0-9-]+|\*))*\.[a-z]{2,24}")
    assert [name for name in {*names, *refused} if not form.fullmatch(name)] == []


CASES = [
    pytest.param([], Decided(None, None, None), id="no host"),
    pytest.param(
        [(20, "mx.backup.gandi.net"), (10, "mail.acme.example")],
        Decided(None, "mail.acme.example", None),
        id="its own server, somebody's backup",
    ),
    pytest.param(
        [(10, "zz.acme.example"), (10, "aspmx.l.google.com"), (5, "a.pphosted.com")],
        Decided("proofpoint", "a.pphosted.com", "pphosted.com"),
        id="the gateway in front",
    ),
    pytest.param(
        [(1, "b.mail.icloud.com"), (1, "a.acme.example")],
        Decided("apple", "b.mail.icloud.com", "mail.icloud.com"),
        id="one of two equals is known",
    ),
    pytest.param(
        [(1, "ASPMX.L.Google.com.")],
        Decided("google", "ASPMX.L.Google.com.", "google.com"),
        id="case and a dot at the end",
    ),
    pytest.param(
        [(10, "inbound-smtp.eu-west-1.amazonaws.com")],
        Decided(
            "amazonses", "inbound-smtp.eu-west-1.amazonaws.com", "inbound-smtp.*.amazonaws.com"
        ),
        id="a label that varies",
    ),
    pytest.param(
        [(10, "ec2-192-0-2-1.eu-west-1.compute.amazonaws.com")],
        Decided(None, "ec2-192-0-2-1.eu-west-1.compute.amazonaws.com", None),
        id="a server of one's own in a cloud",
    ),
    pytest.param(
        [(10, "c-192-0-2-1.hsd1.ga.comcast.net")],
        Decided(None, "c-192-0-2-1.hsd1.ga.comcast.net", None),
        id="a line at home",
    ),
    pytest.param(
        [(10, "notgoogle.com")], Decided(None, "notgoogle.com", None), id="half a label is none"
    ),
    pytest.param(
        [(10, "google.com.attacker.example")],
        Decided(None, "google.com.attacker.example", None),
        id="a name in front",
    ),
]


@pytest.mark.parametrize(("hosts", "decided"), CASES)
def test_decides_by_the_first_hosts(hosts: list[tuple[int, str]], decided: Decided) -> None:
    assert provider_of_mx(hosts) == decided


def test_a_gateway_is_told_from_a_mailbox() -> None:
    assert is_gateway("mimecast")
    assert not is_gateway("microsoft_365")
    assert not is_gateway(None)


@pytest.mark.parametrize(
    "host", ["mx1.hostinger.com", "mx00.kundenserver.de", "mx.hostedemail.com"]
)
def test_rules_for_mx_do_not_touch_what_templates_know(host: str) -> None:
    by_name = {name for provider in providers() for name in (*provider.domains, *provider.hosts)}
    parts = [host.split(".", n)[-1] for n in range(host.count(".") + 1)]
    assert (provider_of(host) is not None) == any(part in by_name for part in parts)
