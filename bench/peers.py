"""Published classifiers, installed from their registries into the ignored folder, and timed.

They are called as their users call them, one reply a time; what they know is neither read nor
printed. What cannot be installed here is skipped, and the reason is said.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from bench.workload import OUT

if TYPE_CHECKING:
    from collections.abc import Callable

_FOLDER = OUT / "peers"
_NODE = """
const {check} = require('zone-mta/lib/bounces');
const lines = require('fs').readFileSync(0, 'utf8').split('\\n').filter(Boolean);
for (const line of lines.slice(0, 2000)) check(line, '');
const start = process.hrtime.bigint();
for (const line of lines) check(line, '');
console.log(JSON.stringify({seconds: Number(process.hrtime.bigint() - start) / 1e9}));
"""


def peers(texts: list[str]) -> dict[str, tuple[int, Callable[[], float]]]:
    """Name, rows judged, and what says in how many seconds; those that run here."""
    lines = "\n".join(" ".join(text.split()) for text in texts if text.strip())
    found: dict[str, tuple[int, Callable[[], float]]] = {}
    if reason := _install("zone-mta"):
        print(f"ZoneMTA is not measured: {reason}", file=sys.stderr)
    else:
        found["ZoneMTA (node), 1 thread"] = (lines.count("\n") + 1, lambda: _seconds(lines))
    print("Sisimai is not measured: there is no driver for it here.", file=sys.stderr)
    return found


def _install(package: str) -> str | None:
    """Installs an npm package once, without running its scripts; why not, if it fails."""
    if (_FOLDER / "node_modules" / package).is_dir():
        return None
    npm, node = shutil.which("npm"), shutil.which("node")
    if not (npm and node):
        return "there is no node here"
    _FOLDER.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", "."]
    try:
        done = subprocess.run(
            [*command, package], cwd=_FOLDER, capture_output=True, check=False, timeout=300
        )
    except subprocess.TimeoutExpired:
        return "npm took longer than five minutes"
    return "npm could not install it" if done.returncode else None


def _seconds(lines: str) -> float:
    done = subprocess.run(
        ["node", "-e", _NODE], cwd=_FOLDER, input=lines, capture_output=True, text=True, check=True
    )
    return float(json.loads(done.stdout)["seconds"])
