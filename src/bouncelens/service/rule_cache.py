"""Rules that were read and checked once, kept in the user's cache folder as JSON.

Reading and checking all rule files takes longer than everything else that one reply needs. The
cache is named by a hash of the files, holds nothing secret, and may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from base64 import b64decode, b64encode
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bouncelens import __version__
from bouncelens.bounce import Hardness
from bouncelens.classify import guidance
from bouncelens.classify.mentions import Mentions
from bouncelens.classify.ruleset import RULES, Reason, Rule, Ruleset, load_rules
from bouncelens.parse import provider
from bouncelens.parse.automaton import Automaton
from bouncelens.parse.skeleton import Keep, keep_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORMAT = 3
_MOST_KEPT = 4


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rules, and what the mask has to keep because of them."""

    ruleset: Ruleset
    keep: Keep


def prepared_rules(extra: Sequence[Path] = (), *, folder: Path | None = None) -> Prepared:
    """What `load_rules` gives, from the cache where it is there. Raises RuleInvalid."""
    try:
        path = (folder or _cache_folder()) / f"rules-{_key(extra)}.json"
        return _restored(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        ruleset = load_rules(extra)  # says what is wrong with a file that cannot be read
    mentions = ruleset.mentions
    keep = keep_of(mentions.hosts, mentions.codes, mentions.code_patterns)
    prepared = Prepared(ruleset, keep)
    with contextlib.suppress(OSError):
        path = (folder or _cache_folder()) / f"rules-{_key(extra)}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        # plain ASCII: one letter of another alphabet would make all of it slow to read
        fresh.write_text(json.dumps(_plain(prepared)), "utf-8")
        fresh.replace(path)
        _tidy(path.parent)
    return prepared


def cached_rules(extra: Sequence[Path] = (), *, folder: Path | None = None) -> Ruleset:
    """The rules alone."""
    return prepared_rules(extra, folder=folder).ruleset


def _tidy(folder: Path) -> None:
    """Keep the newest few: rules change, and caches must not pile up."""
    kept = sorted(folder.glob("rules-*.json"), key=lambda path: path.stat().st_mtime)
    for path in kept[:-_MOST_KEPT]:
        path.unlink(missing_ok=True)


def _cache_folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("bouncelens")


def _key(extra: Sequence[Path]) -> str:
    digest = sha256(f"{__version__} {_FORMAT} {sys.byteorder}".encode())
    code = [RULES.parent / name for name in ("ruleset.py", "mentions.py", "literals.py")]
    code += [_PARSE / name for name in ("automaton.py", "skeleton.py")]
    ours = sorted(RULES.rglob("*.toml"))  # rules, their order, and all that is said about them
    for path in (*extra, *ours, provider.TABLE, *(path for path in code if path.exists())):
        digest.update(path.name.encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


_PARSE = provider.TABLE.parent


def _plain(prepared: Prepared) -> dict[str, Any]:
    ruleset, forms = prepared.ruleset, prepared.keep.code_forms
    mentions = ruleset.mentions
    return {
        "rules": [[getattr(rule, field.name) for field in fields(Rule)] for rule in ruleset.rules],
        "reasons": [
            [getattr(reason, field.name) for field in fields(Reason)]
            for reason in ruleset.reasons.values()
        ],
        "temporary_words": ruleset.temporary_words,
        "hash": ruleset.hash,
        "kept_hosts": ruleset.kept_hosts,
        "mentions": [sorted(mentions.hosts), sorted(mentions.codes), mentions.code_patterns],
        "literals": [ruleset.literals[pattern] for pattern in ruleset.patterns],
        "kept_codes": sorted(prepared.keep.codes),
        "forms": forms
        and [
            forms.patterns,
            b64encode(forms.table.tobytes()).decode(),
            b64encode(bytes(forms.accepting)).decode(),
        ],
        "guidance": {name: guidance.table(name) for name in guidance.TABLES},
        "providers": provider.entries(),
    }


def _restored(plain: dict[str, Any]) -> Prepared:
    rules = tuple(_rule(values) for values in plain["rules"])
    reasons = [
        Reason(name, group, Hardness(hardness), *rest)
        for name, group, hardness, *rest in plain["reasons"]
    ]
    hosts, codes, patterns = plain["mentions"]
    ruleset = Ruleset(
        rules,
        {reason.name: reason for reason in reasons},
        plain["temporary_words"],
        plain["hash"],
        tuple(plain["kept_hosts"]),
    )
    # where the cached properties would put them
    ruleset.__dict__["mentions"] = Mentions(frozenset(hosts), frozenset(codes), tuple(patterns))
    ruleset.__dict__["literals"] = {
        pattern: words and tuple(words)
        for pattern, words in zip(ruleset.patterns, plain["literals"], strict=True)
    }
    forms = plain["forms"]
    automaton = forms and Automaton.restored(forms[0], b64decode(forms[1]), b64decode(forms[2]))
    guidance.remember(plain["guidance"])
    provider.remember(plain["providers"])
    return Prepared(ruleset, Keep(frozenset(hosts), frozenset(plain["kept_codes"]), automaton))


_HARDNESS = [field.name for field in fields(Rule)].index("hardness")


def _rule(values: list[Any]) -> Rule:
    if values[_HARDNESS] is not None:
        values[_HARDNESS] = Hardness(values[_HARDNESS])
    cells: list[Any] = [tuple(v) if isinstance(v, list) else v for v in values]
    return Rule(*cells)
