"""The Spark of this process: started when first asked for, kept quiet, stopped with the process.

There is one at most, as PySpark has it: where one runs already, in a notebook or a job that
somebody submitted, that one is used.
"""

from __future__ import annotations

import atexit
import logging
import re
import subprocess
import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bouncelens.errors import StoreError
from bouncelens.store.scratch import scratch_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark import SparkConf
    from pyspark.sql import SparkSession

# What a JVM has to know when it starts. The rest may hold keys, so it is told over a socket: a
# command line is for everybody to read.
_AT_START = (
    "spark.driver.", "spark.jars", "spark.files", "spark.archives", "spark.submit.",
    "spark.master", "spark.app.name", "spark.local.dir",
)  # fmt: skip
_OURS = {
    "spark.app.name": "bouncelens",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
# On this machine: nobody else calls, memory is bounded, and a stage's start costs most of its time.
_OURS_LOCALLY = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "2g",
    "spark.sql.shuffle.partitions": "8",
    "spark.pyspark.driver.python": sys.executable,
}
_STARTING = threading.Lock()


def spark(master: str, conf: Mapping[str, str]) -> SparkSession:
    """The session of the Spark that runs in this process, started as said where there is none.
    Raises StoreError where PySpark or Java is missing, or it does not start."""
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise StoreError(
            "The engine spark needs PySpark, which is not installed.",
            advice="Install it with: pip install 'bouncelens[spark]'.",
        ) from error
    # PySpark writes every refusal of a query to stderr, with the query; we say it ourselves.
    logging.getLogger("SQLQueryContextLogger").disabled = True
    with _STARTING:
        return SparkSession.getActiveSession() or _started(master, conf)


def _started(master: str, conf: Mapping[str, str]) -> SparkSession:
    from pyspark import SparkContext, java_gateway
    from pyspark.sql import SparkSession

    if SparkContext._active_spark_context is not None:
        return SparkSession(SparkContext._active_spark_context)
    home = _Home()
    is_local = master.startswith("local")
    wanted = {
        **_OURS,
        "spark.sql.warehouse.dir": str(home.folder / "warehouse"),
        "spark.local.dir": str(home.folder),
        **(_OURS_LOCALLY if is_local else {}),
        **conf,
        "spark.master": master,
    }
    early = {name: value for name, value in wanted.items() if name.startswith(_AT_START)}
    log = home.folder / "spark.log"
    launch: Any = java_gateway.launch_gateway
    try:
        with log.open("wb") as said, warnings.catch_warnings():
            # PySpark forks to start Java; newer Pythons warn of that where threads run.
            warnings.simplefilter("ignore", DeprecationWarning)
            gateway = launch(_conf(early), {"stdout": said, "stderr": said})
        context = SparkContext(conf=_conf(wanted), gateway=gateway)
    except Exception as error:
        raise _not_started(master, error, log) from error
    if is_local:
        context.pythonExec = sys.executable  # workers like ourselves
    atexit.register(_stop, context, gateway, home)
    return SparkSession(context)


class _Home:
    """Owner of the folder for spilled rows and the log, which may name people."""

    def __init__(self) -> None:
        self.folder = Path(scratch_folder(self))


def _conf(settings: Mapping[str, str]) -> SparkConf:
    from pyspark import SparkConf

    return SparkConf().setAll(list(settings.items()))


def _stop(context: Any, gateway: Any, home: _Home) -> None:
    """End Java before its folder goes."""
    with suppress(Exception):
        context.stop()
    with suppress(Exception):
        gateway.shutdown()
    process = getattr(gateway, "proc", None)
    if process is not None:
        with suppress(OSError, subprocess.TimeoutExpired):
            process.stdin.close()
            process.wait(10)
    del home  # the folder goes when nobody holds it


_LEAST_JAVA = 17
_NO_JAVA = re.compile(r"JAVA_HOME is not set|java: (command )?not found|No such file")
_TOLD = re.compile(r"(?!\s|.* WARN ).*(Exception|Error)\b")
_OLD_JAVA = re.compile(r"UnsupportedClassVersionError|Unrecognized option")


def _not_started(master: str, error: Exception, log: Path) -> StoreError:
    said = log.read_text("utf-8", "replace") if log.is_file() else ""
    if _NO_JAVA.search(said) or _OLD_JAVA.search(said) or isinstance(error, FileNotFoundError):
        return StoreError(
            f"The engine spark needs Java {_LEAST_JAVA} or newer, which was not found.",
            advice="Install it (Debian: openjdk-17-jre-headless), or set JAVA_HOME to where it is.",
        )
    told = [line for line in said.splitlines() if _TOLD.match(line)]
    words = (told or [str(error).strip() or type(error).__name__])[0].splitlines()[0][:300]
    return StoreError(
        f"Spark did not start with the master {master!r}: {words.rstrip('.')}.",
        advice="Check engine.spark_master and engine.spark_conf in the settings.",
    )
