"""A workspace that judges by a few rules: these tests are about rows, and start in no time."""

from dataclasses import replace
from functools import cache

from bouncelens.classify.ruleset import load_rules
from bouncelens.service.judge import Judge
from bouncelens.service.workspace import Workspace


@cache
def _few_rules() -> Judge:
    ruleset = load_rules()
    return Judge(replace(ruleset, rules=ruleset.rules[-40:]))


class LightWorkspace(Workspace):
    """As `Workspace`, with the last forty rules of ours."""

    @property
    def classifier(self) -> Judge:
        """The judge by few rules."""
        return _few_rules()
