"""A judge that is ready at once, for few replies.

Hyperscan reads fastest but takes seconds to compile, which only many replies repay; google-re2 is
ready in a tenth of a second and gives the same verdicts.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from bouncelens.classify.classifier import Classifier
from bouncelens.classify.matching import Re2Matcher
from bouncelens.service.judge import Judge

if TYPE_CHECKING:
    from pathlib import Path

_MANY_BYTES = 8 * 1024 * 1024  # of a file: some twenty thousand replies


class QuickJudge(Judge):
    """Judges as `Judge` does."""

    @cached_property
    def classifier(self) -> Classifier:
        """The classifier over google-re2."""
        return Classifier(self.ruleset, matcher=Re2Matcher)


def judge_for(path: Path, rules: list[Path]) -> Judge:
    """The judge that finishes a file first. Raises RuleInvalid."""
    is_large = path.is_file() and path.stat().st_size > _MANY_BYTES
    return (Judge if is_large else QuickJudge).of_rules(rules)
