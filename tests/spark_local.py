"""A Spark on this machine for tests: small, and for queries that each come once, so nothing is
compiled for the long run."""

from __future__ import annotations

import importlib.util
import os
import shutil

import pytest

CONF = {
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.files.minPartitionNum": "1",
}


def need_spark() -> None:
    """Skip where there is no PySpark or no Java; `make test` installs both."""
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("PySpark is not installed. Run `make spark`, or `make test`.")
    if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
        pytest.skip("Java is not installed. Run `make spark`, or `make test`.")
