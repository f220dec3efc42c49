"""What servers say: reply texts as data (replies/*.toml), their slots filled anew for every bounce.

A slot is `{name}`; an address that is dead hears the same sentence each time it is mailed.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ANY = "any"  # family of sentences that many servers speak
_SLOT = re.compile(
    r"\{(addr|local|domain|ip|mx|mxip|qid|gid|exo|eop|hex|hex8|n|n3|time|date|"
    r"sender|sdomain|helo|uuid|alt)\}"
)


@dataclass(frozen=True, slots=True)
class Reply:
    """One sentence of one kind of server."""

    number: int
    family: str  # receiving provider or mail server
    reason: str  # what it means, in the taxonomy's words
    text: str
    weight: float
    parts: tuple[str, ...]  # literals at even places, slot names at odd ones
    story: str = ""  # spoken only in that planted story


@dataclass(frozen=True, slots=True)
class Scene:
    """Who speaks to whom: what the slots of one reply may name."""

    address: str
    mx: str
    ip: str  # the sending address
    sender: str
    helo: str
    moment: str  # ISO, UTC


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """All sentences, found by family and reason."""

    replies: tuple[Reply, ...]
    by_key: dict[tuple[str, str, str], tuple[NDArray[np.int32], NDArray[np.float64]]]

    def choose(
        self, family: str, reason: str, *, story: str, lots: NDArray[np.float64]
    ) -> NDArray[np.int32]:
        """A sentence for each lot in [0, 1): the same lot gives the same sentence."""
        for key in ((family, reason, story), (family, reason, ""), (ANY, reason, "")):
            if key in self.by_key:
                numbers, edges = self.by_key[key]
                return numbers[np.searchsorted(edges, lots, side="right")]
        raise KeyError(f"no reply text for {family}/{reason}")


@cache
def phrasebook() -> Phrasebook:
    """The package's sentences, read once."""
    replies: list[Reply] = []
    folder = files("sfmc_sandbox") / "replies"
    for path in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not path.name.endswith(".toml"):
            continue
        for block in tomllib.loads(path.read_text(encoding="utf-8"))["reply"]:
            for text in block["texts"]:
                replies.append(
                    Reply(
                        number=len(replies),
                        family=block.get("family", ANY),
                        reason=block["reason"],
                        text=text,
                        weight=float(block.get("weight", 1.0)),
                        parts=tuple(_SLOT.split(text)),
                        story=block.get("story", ""),
                    )
                )
    return Phrasebook(tuple(replies), _index(replies))


def _index(
    replies: list[Reply],
) -> dict[tuple[str, str, str], tuple[NDArray[np.int32], NDArray[np.float64]]]:
    groups: dict[tuple[str, str, str], list[Reply]] = {}
    for reply in replies:
        groups.setdefault((reply.family, reply.reason, reply.story), []).append(reply)
    index = {}
    for (family, reason, story), group in groups.items():
        members = list(group)
        if family != ANY and not story:
            # A particular server speaks the common sentences, too, but seldom.
            common = groups.get((ANY, reason, ""), [])
            share = 0.06 * sum(m.weight for m in members) / max(1.0, sum(m.weight for m in common))
        else:
            common, share = [], 0.0
        weights = np.array([m.weight for m in members] + [m.weight * share for m in common])
        edges = np.cumsum(weights / weights.sum())
        edges[-1] = 1.0 + 1e-9
        numbers = np.array([m.number for m in members + common], dtype=np.int32)
        index[(family, reason, story)] = (numbers, edges)
    return index


_HEX = "0123456789abcdef"
_B32 = "0123456789ABCDEFGHJKLMNPQRSTVWXYZ"


def fill(reply: Reply, scene: Scene, lot: int) -> str:
    """The sentence with its slots filled; `lot` is a 63-bit number that decides what varies."""
    parts = list(reply.parts)
    for place in range(1, len(parts), 2):
        parts[place] = _slot(parts[place], scene, lot ^ (place * 0x9E3779B97F4A7C15 >> 7))
    text = "".join(parts)
    # Marketing Cloud mostly runs the lines of a reply together.
    return text if lot % 5 == 0 else text.replace("\r\n", " ")


def _slot(name: str, scene: Scene, lot: int) -> str:
    """One slot's value. The long ones imitate the identifiers of the servers that write them."""
    lot &= (1 << 62) - 1
    digits = f"{lot:016x}"
    if name in {"addr", "local", "domain"}:
        local, _, domain = scene.address.partition("@")
        return {"addr": scene.address, "local": local, "domain": domain}[name]
    if name in {"ip", "mx", "sender", "helo"}:
        return str(getattr(scene, name))
    if name == "sdomain":
        return scene.sender.partition("@")[2]
    if name == "mxip":
        return f"203.0.113.{lot % 254 + 1}"
    if name == "gid":
        tail = f"si{lot % 9_999_999}{_HEX[10 + lot % 6]}wr.{lot % 400}"
        return f"{digits[:13]}-20020a{digits[3:13]}{tail}"
    if name in {"exo", "eop"}:
        head = f"{_base32(lot, 8)}{'PEPF' if name == 'eop' else 'MB'}{digits[4:12].upper()}"
        zone = f"{'eur' if lot % 2 else 'nam'}prd0{lot % 9 + 1}.prod.outlook.com"
        return f"{head}.{zone} {scene.moment} {digits[:16].upper()}"
    return _plain_slot(name, scene, lot)


def _plain_slot(name: str, scene: Scene, lot: int) -> str:
    digits = f"{lot:016x}"
    match name:
        case "qid":
            return f"{_base32(lot, 6)}{digits[5:10].upper()}"
        case "hex":
            return digits[:12]
        case "hex8":
            return digits[:8]
        case "n":
            return str(lot % 99_999_999)
        case "n3":
            return str(lot % 900 + 100)
        case "time":
            return scene.moment
        case "date":
            return scene.moment[:10]
        case "uuid":
            return f"{digits[:8]}-{digits[2:6]}-4{digits[7:10]}-a{digits[9:12]}-{digits[:12]}"
        case _:  # alt: another address, as forwarders name it
            return f"{scene.address.partition('@')[0]}.{lot % 90}@forward.example"


def _base32(lot: int, length: int) -> str:
    letters = []
    for _ in range(length):
        lot, rest = divmod(lot, len(_B32))
        letters.append(_B32[rest])
    return "".join(letters)
