"""Writes docs/reasons/: one page per reason, and the vendor codes, from the classifier's own data.

    python docs/reasons.py      after a change of reasons.toml or steps.toml

A test holds the pages equal to the data.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

_DOCS = Path(__file__).parent
_RULES = _DOCS.parent / "src/bouncelens/classify/rules"
_HEAD = "<!-- Written by docs/reasons.py; change reasons.toml or steps.toml instead. -->\n"

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
    named = {f"{reason['name']}.md": _page(reason, steps["reason"]) for reason in reasons}
    return {"index.md": _index(reasons), "vendor-codes.md": _codes(steps["code"]), **named}


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
    lines += ["Some receivers have codes of their own: [vendor codes](vendor-codes.md).", ""]
    return "\n".join(lines)


def _page(reason: dict[str, Any], steps: dict[str, Any]) -> str:
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
    return "\n".join(lines)


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
