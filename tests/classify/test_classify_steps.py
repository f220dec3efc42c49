"""What to do about a bounce, and how others call it, is known for every reason."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import re2

from bouncelens.bounce import Hardness, Verdict
from bouncelens.classify.guidance import advice, lists_named, other_names
from bouncelens.classify.ruleset import RULES, load_rules
from bouncelens.parse.facts import facts_in
from bouncelens.parse.provider import providers

CORPUS = Path(__file__).parent.parent / "corpus"

ACTORS = {
    "list_owner",
    "dns_admin",
    "content_author",
    "platform_support",
    "receiving_admin",
    "nobody",
}


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((RULES / name).read_text("utf-8"))


REASONS = {entry["name"]: entry for entry in read("reasons.toml")["reason"]}
STEPS = read("steps.toml")
CROSSWALK = read("crosswalk.toml")
LISTS = read("lists.toml")["list"]


def test_every_reason_has_steps_and_no_other_has() -> None:
    assert set(STEPS["reason"]) == set(REASONS)


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_steps_are_sentences_and_name_the_actor_of_the_reason(reason: str) -> None:
    entry = STEPS["reason"][reason]
    assert entry["actor"] == REASONS[reason]["actor"]
    assert entry["actor"] in ACTORS
    assert entry["steps"]
    assert all(step[0].isupper() and step.endswith((".", "?")) for step in entry["steps"])
    assert entry.get("link", "https://").startswith(("https://", "http://"))


@pytest.mark.parametrize("family", STEPS["code"], ids=lambda family: family["id"])
def test_every_family_of_vendor_codes_says_who_acts_and_how(family: dict[str, Any]) -> None:
    assert set(family) <= {
        "id", "title", "codes", "alone", "provider", "reasons", "actor", "steps", "link"
    }  # fmt: skip
    assert set(family.get("provider", ())) <= {provider.slug for provider in providers()}
    re2.compile(family.get("alone", ""))
    assert family["actor"] in ACTORS
    assert all(step.endswith((".", "?")) for step in family["steps"])
    assert set(family.get("reasons", ())) <= set(REASONS)
    re2.compile(family["codes"])


def test_ids_of_code_families_and_lists_are_unique() -> None:
    for entries in (STEPS["code"], LISTS):
        ids = [entry["id"] for entry in entries]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("code", "family"),
    [
        ("S3150", "outlook-block-list"),
        ("OU-001", "outlook-block-list"),
        ("S8002", "outlook-spamhaus"),
        ("TSS04", "yahoo-deferred"),
        ("TSS09", "yahoo-permanent"),
        ("BL000010", "comcast-lists"),
        ("AUP#CXBL", "cox-codes"),
        ("AUP#In-1310", "charter-codes"),
        ("IB607", "godaddy-ib"),
        ("OFR_506", "orange-ofr"),
        ("LPN007_510", "laposte-lpn"),
        ("HM08", "apple-local-policy"),
        ("DT:SPM", "netease-codes"),
        ("5.7.515", "m365-dmarc"),
    ],
)
def test_a_code_as_servers_write_it_finds_its_family(code: str, family: str) -> None:
    found = [entry["id"] for entry in STEPS["code"] if re.fullmatch(entry["codes"], code)]
    assert found
    assert found[0] == family


ALONE = [
    ("S3150", "Outlook.com: S3140"),
    ("OU-002", "Outlook.com: S3140"),
    ("RP-001", "Outlook.com: RP-001"),
    ("TSS04", "Yahoo and AOL: TS01"),
    ("BL21", "Yahoo and AOL: BL21"),
    ("HM08", "Apple: HMnn"),
    ("CS01", "Apple: HMnn"),
    ("OFR_506", "Orange"),
    ("LPN007_510", "La Poste"),
    ("AUP#CXBL", "Cox"),
    ("AUP#In-1310", "Spectrum"),
    ("IB607", "GoDaddy"),
    ("LIB_101", "Libero"),
    ("DT:SPM", "NetEase"),
    ("RL000001", "Comcast: RL"),
    ("RCP-P1", "Facebook"),
    ("5.7.606", "Microsoft 365: 5.7.511"),
    ("https://support.google.com/mail/?p=NoSuchUser", "Gmail: ?p=NoSuchUser"),
]


@pytest.mark.parametrize(("code", "title"), ALONE)
def test_an_unmistakable_code_finds_its_family_though_nobody_knows_the_provider(
    code: str, title: str
) -> None:
    found = advice(verdict("unclassified"), text=f"550 refused ({code})")
    assert found.title is not None
    assert found.title.startswith(title)


@pytest.mark.parametrize("text", ["550 5.7.1 rejected", "550 NOWL", "421 4.7.28 slow down"])
def test_a_code_that_many_use_says_nothing_without_its_provider(text: str) -> None:
    assert advice(verdict("poor_reputation"), text=text).title is None


def test_every_vendor_code_that_we_pick_out_has_steps() -> None:
    """Of all examples of our rules and all replies that may be read."""
    texts = [example for rule in load_rules().rules for example in rule.examples]
    for part in CORPUS.glob("*.jsonl"):
        if "unread" not in part.name:
            texts += [json.loads(line)["text"] for line in part.read_text("utf-8").splitlines()]
    picked = {code for text in texts for code in facts_in(text).vendor_codes}
    assert len(picked) > 100
    assert not picked & {"p=reject", "AS64500"}  # DMARC's policy and networks are no codes
    forms = [re.compile(entry["codes"]) for entry in STEPS["code"]]
    assert not {code for code in picked if not any(form.search(code) for form in forms)}


def test_every_status_that_a_vendor_rule_knows_has_steps_of_that_vendor() -> None:
    for rule in load_rules().rules:
        if rule.file == "vendor_codes.toml" and rule.status and "5.1.1 " not in rule.examples[0]:
            codes = [example.split()[1] for example in rule.examples]
            house = {"google": "google", "m365": "microsoft_365"}.get(rule.id.split("-")[1])
            for code in codes:
                assert advice(verdict(rule.reason), [code], house).title, (rule.id, code)


def test_the_crosswalk_covers_every_reason() -> None:
    assert set(CROSSWALK["reason"]) == set(REASONS)


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_the_crosswalk_speaks_only_words_that_the_others_know(reason: str) -> None:
    entry = CROSSWALK["reason"][reason]
    categories = {0, *map(int, CROSSWALK["sfmc_categories"])}
    assert entry["sfmc_category"] in categories
    assert {str(number) for number in entry["sfmc_subcategories"]} <= set(
        CROSSWALK["sfmc_subcategories"]
    )
    assert {str(number) for number in entry["sparkpost"]} <= set(CROSSWALK["sparkpost"])
    assert entry["sendgrid"] in {"", *CROSSWALK["sendgrid"]["classes"]}
    assert entry["powermta"] in {"", *CROSSWALK["powermta"]["categories"]}
    assert all(re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", code) for code in entry["rfc3463"])


def test_each_sfmc_subcategory_belongs_to_a_reason() -> None:
    used = {
        number for entry in CROSSWALK["reason"].values() for number in entry["sfmc_subcategories"]
    }
    assert {str(number) for number in used} == set(CROSSWALK["sfmc_subcategories"])


@pytest.mark.parametrize("entry", LISTS, ids=lambda entry: entry["id"])
def test_every_list_names_its_operator_and_where_to_look(entry: dict[str, Any]) -> None:
    assert entry["name"]
    assert entry["operator"]
    assert entry["kind"] in {"ip", "domain"}
    assert entry["zones"] or entry["words"]
    for words in entry["words"]:
        re2.compile(words)
        assert words == words.lower() or "\\" in words
    assert entry["lookup"].startswith(("https://", "http://")) or "closed" in entry["note"]


def verdict(reason: str) -> Verdict:
    entry = REASONS[reason]
    return Verdict(
        reason, entry["group"], Hardness(entry["hardness"]), False, None, 0.9, "", entry["actor"]
    )


def test_a_vendor_code_has_better_advice_than_its_reason() -> None:
    found = advice(
        verdict("blocklisted"), provider="microsoft_consumer", text="on our block list (S3150)."
    )
    assert found.title is not None
    assert found.link == "https://olcsupport.office.com/"


def test_a_code_that_was_picked_out_is_enough() -> None:
    assert advice(verdict("rate_limited"), ["TSS04"], "yahoo").title is not None


def test_a_code_of_another_provider_leaves_the_advice_of_the_reason() -> None:
    found = advice(verdict("unknown_user"), ["S3150"], "orange")
    assert found.title is None
    assert found.steps == tuple(STEPS["reason"]["unknown_user"]["steps"])


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_verdict_gets_advice_and_other_names(reason: str) -> None:
    assert advice(verdict(reason)).steps
    assert isinstance(other_names(reason).sfmc_subcategories, tuple)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("blocked using zen.spamhaus.org; see", ["spamhaus-zen"], id="zen"),
        pytest.param("blocked using BL.SPAMCOP.NET.", ["spamcop"], id="capitals"),
        pytest.param("listed by dnsbl-2.uceprotect.net", ["uceprotect-2"], id="level"),
        pytest.param("not-zen.spamhaus.org.example", [], id="part of another name"),
        pytest.param("550 5.1.1 user unknown", [], id="none"),
        pytest.param("Blocked by Spamhaus", ["spamhaus"], id="operator only"),
        pytest.param("https://www.spamhaus.org/query/ip/192.0.2.1", ["spamhaus"], id="link"),
        pytest.param("see spamhaus.org/sbl/query/SBL12345", ["spamhaus-sbl"], id="number"),
        pytest.param("listed on the Policy Block List (PBL)", ["spamhaus-pbl"], id="full name"),
        pytest.param("your IP is listed at SpamCop", ["spamcop"], id="spamcop"),
        pytest.param("http://www.barracudacentral.org/rbl", ["barracuda"], id="barracuda"),
        pytest.param("in UCEPROTECT Level 3", ["uceprotect-3"], id="level in words"),
        pytest.param("listed by UCEPROTECT", ["uceprotect"], id="no level"),
        pytest.param("banned sending IP [192.0.2.1]", ["microsoft-delist"], id="delist"),
        pytest.param("Return-Path domain does not resolve", [], id="not Return Path"),
    ],
)
def test_a_list_is_known_by_its_zone_or_by_words(text: str, names: list[str]) -> None:
    assert [entry.id for entry in lists_named(text)] == names
