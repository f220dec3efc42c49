"""Rules from the cache are the rules from the files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from bouncelens.classify.ruleset import load_rules
from bouncelens.errors import RuleInvalid
from bouncelens.parse.provider import providers
from bouncelens.parse.skeleton import keep_of
from bouncelens.service.judge import Judge
from bouncelens.service.rule_cache import cached_rules, prepared_rules

if TYPE_CHECKING:
    from pathlib import Path

    from bouncelens.classify.ruleset import Ruleset


@pytest.fixture(scope="module")
def loaded() -> Ruleset:
    return load_rules()


def test_cached_rules_are_the_rules_of_the_files(loaded: Ruleset, tmp_path: Path) -> None:
    for _ in range(2):
        cached = cached_rules(folder=tmp_path)
        assert cached == loaded
        assert cached.mentions == loaded.mentions
    assert len(list(tmp_path.glob("rules-*.json"))) == 1


def test_what_is_prepared_is_what_would_be_made_anew(loaded: Ruleset, tmp_path: Path) -> None:
    made = keep_of(loaded.mentions.hosts, loaded.mentions.codes, loaded.mentions.code_patterns)
    for _ in range(2):
        kept = prepared_rules(folder=tmp_path)
        assert kept.ruleset.literals == loaded.literals
        assert (kept.keep.hosts, kept.keep.codes) == (made.hosts, made.codes)
        one, two = kept.keep.code_forms, made.code_forms
        assert one is not None
        assert two is not None
        assert (one.patterns, one.table, one.accepting) == (two.patterns, two.table, two.accepting)
    assert Judge(kept.ruleset, kept.keep).judge("550 5.1.1 x").verdict.reason == "unknown_user"
    assert {each.slug for each in providers()} >= {"google", "microsoft_365"}


def test_a_changed_file_or_a_broken_cache_is_read_anew(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('[[rule]]\nid = "mine"\nreason = "unknown_user"\ntext = "zq1"\n', "utf-8")
    assert cached_rules([mine], folder=tmp_path).rules[0].text == "zq1"
    mine.write_text('[[rule]]\nid = "mine"\nreason = "unknown_user"\ntext = "zq2"\n', "utf-8")
    assert cached_rules([mine], folder=tmp_path).rules[0].text == "zq2"
    for path in tmp_path.glob("rules-*.json"):
        path.write_text("{}", "utf-8")
    assert cached_rules([mine], folder=tmp_path).rules[0].text == "zq2"
    mine.write_text("[[rule", "utf-8")
    with pytest.raises(RuleInvalid, match=r"mine\.toml"):
        cached_rules([mine], folder=tmp_path)


def test_a_folder_that_cannot_be_written_does_no_harm(loaded: Ruleset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    assert cached_rules(folder=tmp_path / "file" / "below") == loaded


def test_old_caches_do_not_pile_up(tmp_path: Path) -> None:
    for age in range(1, 6):
        path = tmp_path / f"rules-{age}.json"
        path.write_text("{}", "utf-8")
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    cached_rules(folder=tmp_path)
    kept = {path.name for path in tmp_path.glob("*")}
    assert len(kept) == 4
    assert kept > {"rules-1.json", "rules-2.json", "rules-3.json"}
