"""Builds the compiled kernel where a C compiler is at hand; without one the package is pure."""

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

FOLDER = "src/bouncelens/parse"
KERNEL = "_kernel.abi3.so"


class KernelHook(BuildHookInterface):
    """BOUNCELENS_PURE=1 asks for the pure package also where there is a compiler."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile beside the source: an editable installation finds it there."""
        target = Path(self.root) / FOLDER / KERNEL
        if os.environ.get("BOUNCELENS_PURE") or sys.platform == "win32" or not compiled(target):
            target.unlink(missing_ok=True)
            return
        if version != "editable":
            build_data["pure_python"] = False
            build_data["tag"] = f"cp311-abi3-{platform_tag()}"
            build_data["force_include"][str(target)] = f"bouncelens/parse/{KERNEL}"


def compiled(target: Path) -> bool:
    """Whether the kernel could be compiled."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if not shutil.which(compiler[0]):
        compiler = ["cc"]
    if not shutil.which(compiler[0]):
        return False
    flags = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    fresh = target.with_suffix(".new")
    command = [
        *[compiler[0], "-O3", "-std=c99", "-shared", "-fPIC", f"-I{sysconfig.get_path('include')}"],
        *[*flags, str(target.with_name("_kernel.c")), "-o", str(fresh)],
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
