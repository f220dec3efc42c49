"""Builds the compiled parts where a C compiler is at hand; without one the package is pure."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPILED = ("bouncelens/parse/_kernel.abi3.so", "bouncelens/classify/_words.abi3.so")


class KernelHook(BuildHookInterface):
    """BOUNCELENS_PURE=1 asks for the pure package also where there is a compiler."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile beside the source: an editable installation finds it there."""
        targets = {name: Path(self.root) / "src" / name for name in COMPILED}
        is_pure = os.environ.get("BOUNCELENS_PURE") or sys.platform == "win32"
        if is_pure or not all(compiled(target) for target in targets.values()):
            for target in targets.values():
                target.unlink(missing_ok=True)
            return
        if version != "editable":
            build_data["pure_python"] = False
            build_data["tag"] = f"cp311-abi3-{platform_tag()}"
            for name, target in targets.items():
                build_data["force_include"][str(target)] = name


def compiled(target: Path) -> bool:
    """Whether the extension at `target` could be compiled, from the C file beside it."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if not shutil.which(compiler[0]):
        compiler = ["cc"]
    if not shutil.which(compiler[0]):
        return False
    flags = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    fresh = target.with_suffix(".new")
    source = target.with_name(target.name.partition(".")[0] + ".c")
    command = [
        *[compiler[0], "-O3", "-std=c99", "-shared", "-fPIC", f"-I{sysconfig.get_path('include')}"],
        *[*flags, str(source), "-o", str(fresh)],
    ]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    except (OSError, subprocess.TimeoutExpired):
        return False
    if done.returncode:
        fresh.unlink(missing_ok=True)
        return False
    fresh.replace(target)
    return True


def platform_tag() -> str:
    """The platform part of the wheel's tag."""
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
