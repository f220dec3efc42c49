"""Logs: JSON for a machine, with the facts beside the message; loaded when there is one."""

from __future__ import annotations

import json
import subprocess
import sys

SAY = """
import logging, sys
from bouncelens.show.cli.log import set_up
set_up()
early = "structlog" in sys.modules
facts = {"wait_s": 2.5, "early": early}
logging.getLogger("bouncelens.x").warning("no \\x1b[31m answer", extra=facts)
logging.getLogger("bouncelens.x").info("not at this level")
"""


def test_a_record_is_one_line_of_json_where_nobody_looks() -> None:
    told = subprocess.run(
        [sys.executable, "-c", SAY], capture_output=True, text=True, check=True
    ).stderr
    (line,) = told.splitlines()
    record = json.loads(line)
    assert record["event"] == "no \x1b[31m answer"
    assert "\x1b" not in line
    assert (record["level"], record["wait_s"], record["early"]) == ("warning", 2.5, False)
    assert record["timestamp"].endswith("Z")
