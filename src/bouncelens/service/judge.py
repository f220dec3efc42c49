"""A reply into a verdict, end to end: read, mask, judge, and quote the server's own words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from bouncelens.bounce import Reply, Template, Verdict
from bouncelens.classify.classifier import Classifier, Judgement
from bouncelens.classify.ruleset import Ruleset, load_rules
from bouncelens.parse.mask import Masked, masked, template_id
from bouncelens.parse.provider import provider_of
from bouncelens.parse.reply import read_reply
from bouncelens.parse.skeleton import Keep, keep_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Judged:
    """One reply, judged."""

    reply: Reply
    template: Template
    verdict: Verdict


class Judge:
    """Judges replies by one rule set; the mask keeps what its rules speak of."""

    def __init__(self, ruleset: Ruleset) -> None:
        self.ruleset = ruleset

    @classmethod
    def of_rules(cls, extra: Sequence[Path] = ()) -> Judge:
        """A judge by our rules, preceded by those in the files `extra`. Raises RuleInvalid."""
        return cls(load_rules(extra))

    @cached_property
    def classifier(self) -> Classifier:
        """The classifier, its patterns compiled at first use."""
        return Classifier(self.ruleset)

    @cached_property
    def keep(self) -> Keep:
        """What the mask has to keep."""
        mentions = self.ruleset.mentions
        return keep_of(mentions.hosts, mentions.codes, mentions.code_patterns)

    def judge(
        self,
        text: str | bytes | None,
        code: int | None = None,
        status: str | None = None,
        *,
        domain: str | None = None,
        provider: str | None = None,
    ) -> Judged:
        """The verdict on one reply. `code` and `status` count where the text has none."""
        reply = read_reply(text, code=code, status=status)
        mask = masked(reply.text, self.keep)
        template = self.template(reply, mask, provider or provider_of(domain, None))
        return Judged(reply, template, self._quoted(self.classifier.judge(template), reply, mask))

    def template(self, reply: Reply, mask: Masked, provider: str | None) -> Template:
        """The template of a reply that is read and masked."""
        # What the mask reads, so that the codes are a function of the template; the reply's own
        # codes are the hints where the words hold none.
        code = mask.code if mask.code is not None else reply.code
        status = mask.status or reply.enhanced_status
        key = template_id(mask.text, code, status, provider)
        return Template(key, mask.text, code, status, provider)

    def _quoted(self, judgement: Judgement, reply: Reply, mask: Masked) -> Verdict:
        if judgement.end <= judgement.start:
            return judgement.verdict
        start, end = mask.source_span(judgement.start, judgement.end)
        return replace(judgement.verdict, evidence=reply.text[start:end])
