"""Writes docs/reasons/: a page per reason, vendor codes, others' words, from the classifier's data.

    python docs/reasons.py      after a change of reasons.toml, steps.toml or crosswalk.toml

A test holds the pages equal to the data.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

_DOCS = Path(__file__).parent
_RULES = _DOCS.parent / "src/bouncelens/classify/rules"
_HEAD = "<!-- Written by docs/reasons.py; change the files in classify/rules/ instead. -->\n"

_HARDNESS = {
    "hard": "**hard** – this address will never work. It is suppressed at once.",
    "soft": "**soft** – it may work later. It is suppressed only if it recurs for long enough.",
    "block": "**block** – the sender or the message was refused; the address is fine. "
    "It is never suppressed for this.",
    "none": "**none** – not a failure.",
    "unknown": "**unknown** – not enough was said. Nothing is suppressed for this.",
}
_ACTORS = {
    "list_owner": "Whoever keeps the list of addresses",
    "dns_admin": "Whoever keeps your DNS",
    "content_author": "Whoever wrote the message",
    "platform_support": "The sending platform's support",
    "receiving_admin": "The receiver's administrator",
    "nobody": "Nobody",
}


def pages() -> dict[str, str]:
    """Every page by its file name."""
    reasons = tomllib.loads((_RULES / "reasons.toml").read_text("utf-8"))["reason"]
    steps = tomllib.loads((_RULES / "steps.toml").read_text("utf-8"))
    others = tomllib.loads((_RULES / "crosswalk.toml").read_text("utf-8"))
    named = {f"{reason['name']}.md": _page(reason, steps["reason"], others) for reason in reasons}
    return {
        "index.md": _index(reasons),
        "vendor-codes.md": _codes(steps["code"]),
        "crosswalk.md": _crosswalk(reasons, others),
        **named,
    }


def write() -> None:
    """Write the pages, and remove those of reasons that are gone."""
    folder = _DOCS / "reasons"
    folder.mkdir(exist_ok=True)
    written = pages()
    for path in folder.glob("*.md"):
        if path.name not in written:
            path.unlink()
    for name, text in written.items():
        (folder / name).write_text(text, "utf-8")


def _index(reasons: list[dict[str, Any]]) -> str:
    lines = [
        _HEAD,
        "# Reasons",
        "",
        "What a reply can mean. A reason belongs to a group and has a hardness: what it says",
        "about the address. A reply that a server calls temporary (4xx, “try again later”) never",
        "counts as hard.",
        "",
    ]
    for group in dict.fromkeys(reason["group"] for reason in reasons):
        lines += [f"## {group}", "", "| reason | hardness | meaning |", "|---|---|---|"]
        lines += [
            f"| [{reason['name']}]({reason['name']}.md) | {reason['hardness']} "
            f"| {reason['meaning']} |"
            for reason in reasons
            if reason["group"] == group
        ]
        lines.append("")
    lines += [
        "Some receivers have codes of their own: [vendor codes](vendor-codes.md).",
        "Other systems have words of their own: [the cross-walk](crosswalk.md).",
        "",
    ]
    return "\n".join(lines)


def _page(reason: dict[str, Any], steps: dict[str, Any], others: dict[str, Any]) -> str:
    entry = steps.get(reason["name"], {})
    lines = [
        _HEAD,
        f"# {reason['name']}",
        "",
        reason["meaning"],
        "",
        f"- Group: [{reason['group']}](index.md#{reason['group']})",
        f"- Hardness: {_HARDNESS[reason['hardness']]}",
        f"- Who has to act: {_ACTORS[entry.get('actor', reason['actor'])]}.",
        "",
        "## What to do",
        "",
        *_numbered(entry.get("steps", [reason["action"]])),
        "",
    ]
    if link := entry.get("link"):
        lines += [f"Where: <{link}>", ""]
    lines += ["## Called elsewhere", ""]
    for system, words in _called(reason["name"], others).items():
        lines.append(f"- {system}: {words}")
    lines += ["", "All reasons side by side: [the cross-walk](crosswalk.md).", ""]
    return "\n".join(lines)


def _crosswalk(reasons: list[dict[str, Any]], others: dict[str, Any]) -> str:
    rows = {reason["name"]: _called(reason["name"], others) for reason in reasons}
    systems = list(next(iter(rows.values())))
    lines = [
        _HEAD,
        "# Cross-walk",
        "",
        "Our reasons in the words of others, the nearest first. A dash: the other has no word for",
        "it. Marketing Cloud and the others sort by rules of their own: the same reply may stand",
        "elsewhere there. `bouncelens explain` says the same for one reply.",
        "",
        f"| reason | {' | '.join(systems)} |",
        "|---" * (len(systems) + 1) + "|",
    ]
    for name, called in rows.items():
        lines.append(f"| [{name}]({name}.md) | {' | '.join(called.values())} |")
    return "\n".join([*lines, ""])


def _called(reason: str, others: dict[str, Any]) -> dict[str, str]:
    """What each system calls the reason: ids with their names."""

    def listed(vocabulary: str, ids: list[int]) -> str:
        return ", ".join(f"{number} {others[vocabulary][str(number)]}" for number in ids) or "–"

    entry = others["reason"][reason]
    category = [entry["sfmc_category"]] if entry["sfmc_category"] else []
    return {
        "SFMC category": listed("sfmc_categories", category),
        "SFMC subcategory": listed("sfmc_subcategories", entry["sfmc_subcategories"]),
        "SparkPost": listed("sparkpost", entry["sparkpost"]),
        "SendGrid": entry["sendgrid"] or "–",
        "PowerMTA": entry["powermta"] or "–",
        "RFC 3463": ", ".join(entry["rfc3463"]) or "–",
    }


def _codes(codes: list[dict[str, Any]]) -> str:
    lines = [
        _HEAD,
        "# Vendor codes",
        "",
        "Codes that receivers and filters put into their replies, and what to do about each.",
        "`bouncelens explain` recognises them in a reply.",
        "",
    ]
    for code in codes:
        lines += [
            f"## {code['title']}",
            "",
            f"Who has to act: {_inside(_ACTORS[code['actor']])}.",
            "",
            *_numbered(code["steps"]),
            "",
        ]
        if link := code.get("link"):
            lines += [f"Where: <{link}>", ""]
    return "\n".join(lines)


def _inside(words: str) -> str:
    """Words as they stand inside a sentence."""
    return words[0].lower() + words[1:]


def _numbered(steps: list[str]) -> list[str]:
    return [f"{number}. {step}" for number, step in enumerate(steps, 1)]


if __name__ == "__main__":
    write()
