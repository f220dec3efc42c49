"""Which engine answers questions, and how Spark is reached."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from bouncelens.settings.part import Part
from bouncelens.settings.secret import ADVICE, REFERENCE, resolve_secret

# As Hadoop's connectors name them: fs.s3a.secret.key, fs.azure.account.key.…, …password.
_IS_SECRET = re.compile(r"secret|password|token|credential\b|account\.key|access\.key", re.I)


class EngineSettings(Part):
    """What answers questions over the lake: DuckDB in this process, or Spark."""

    name: Literal["duckdb", "spark"] = Field(
        default="duckdb", description="Engine that answers; --engine says otherwise for once."
    )
    spark_master: str = Field(
        default="local[2]",
        min_length=1,
        description="Master of the cluster, e.g. spark://host:7077 or yarn; local[2] is two "
        "threads here.",
    )
    spark_conf: dict[str, str] = Field(
        default={},
        description='Properties of Spark by name, e.g. {"spark.executor.memory" = "8g"}; of '
        "secrets among them, references.",
    )

    @field_validator("spark_conf")
    @classmethod
    def _holds_no_secret(cls, value: dict[str, str]) -> dict[str, str]:
        for name, said in value.items():
            if not name.startswith("spark."):
                raise ValueError(f"properties of Spark begin with spark., not {name[:60]!r}")
            if _IS_SECRET.search(name) and not REFERENCE.fullmatch(said):
                raise ValueError(f"{name[:80]}: a secret must not stand here itself. {ADVICE}")
        return value

    def resolved_conf(self) -> dict[str, str]:
        """The properties with the secrets that they refer to. Raises SettingsInvalid."""
        return {
            name: resolve_secret(said) if _IS_SECRET.search(name) else said
            for name, said in self.spark_conf.items()
        }
