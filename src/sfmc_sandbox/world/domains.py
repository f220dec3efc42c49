"""Receiving domains: consumer providers by name, business domains by who hosts their mail."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sfmc_sandbox.world.plan import Plan


@dataclass(frozen=True, slots=True)
class Domains:
    """The receiving domains of a world, as columns."""

    names: tuple[str, ...]
    family: NDArray[np.int16]  # index into `families`
    families: tuple[str, ...]
    mx: tuple[tuple[str, ...], ...]
    share: NDArray[np.float64]  # of subscribers; sums to one
    is_business: NDArray[np.bool_]

    def numbers(self, names: tuple[str, ...]) -> list[int]:
        """The families of the given names, as the column `family` holds them."""
        return [self.families.index(name) for name in names if name in self.families]

    def places(self, names: tuple[str, ...]) -> list[int]:
        """The domains of the given names, as people hold them."""
        return [self.names.index(name) for name in names if name in self.names]


def make_domains(rng: np.random.Generator, plan: Plan) -> Domains:
    """The domain mix of a tenant; smaller tenants know fewer business domains."""
    scale, weights = plan.scale, dict(plan.shares)
    book = tomllib.loads((files("sfmc_sandbox") / "domains.toml").read_text(encoding="utf-8"))
    rows: list[tuple[str, str, tuple[str, ...], float, bool]] = [
        (name, block["family"], tuple(block["mx"]), float(share), False)
        for block in book["consumer"]
        for name, share in block["domains"].items()
    ]
    rows += _business(book["business"], rng, scale)
    families = tuple(sorted({row[1] for row in rows}))
    shares = np.array([row[3] * weights.get(row[1], 1.0) for row in rows])
    return Domains(
        names=tuple(row[0] for row in rows),
        family=np.array([families.index(row[1]) for row in rows], dtype=np.int16),
        families=families,
        mx=tuple(row[2] for row in rows),
        share=shares / shares.sum(),
        is_business=np.array([row[4] for row in rows]),
    )


def _business(
    book: dict[str, Any], rng: np.random.Generator, scale: float
) -> list[tuple[str, str, tuple[str, ...], float, bool]]:
    stems = [f"{first}-{second}" for first in book["first"] for second in book["second"]]
    count = min(len(stems), max(60, int(book["count"] * min(1.0, scale + 0.2))))
    chosen = rng.permutation(len(stems))[:count]
    families = list(book["families"])
    odds = np.array(list(book["families"].values()), dtype=float)
    kinds = rng.choice(len(families), size=count, p=odds / odds.sum())
    sizes = rng.pareto(1.6, size=count) + 0.3
    sizes *= book["share"] / sizes.sum()
    rows: list[tuple[str, str, tuple[str, ...], float, bool]] = []
    for place, kind, size in zip(chosen, kinds, sizes, strict=True):
        stem, lot = stems[place], int(rng.integers(1 << 32))
        pattern = book["mx"].get(families[kind], "mx1.{stem}.example")
        host = pattern.format(stem=stem, hex8=f"{lot:08x}", n3=lot % 900 + 100, n4=lot % 9000 + 999)
        rows.append((f"{stem}.example", families[kind], (host,), float(size), True))
    return rows
