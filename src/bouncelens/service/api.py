"""`classify`: the small public interface for programs that only want verdicts."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from bouncelens.errors import InputInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from bouncelens.service.answer import Answer, Answers
    from bouncelens.service.judge import Judge
    from bouncelens.store.sparkrows import Frame

_ROWS = 65_536
_TEXT_COLUMNS = ("text", "reply_text", "reply")


class Classify:
    """Judges replies by our rules. Callable; see also `many` and `batch`. Thread-safe."""

    @cached_property
    def _judge(self) -> Judge:
        from bouncelens.service.judge import Judge

        return Judge.of_rules()

    def __call__(
        self,
        text: str | bytes | None,
        code: int | None = None,
        *,
        status: str | None = None,
        domain: str | None = None,
        provider: str | None = None,
    ) -> Answer:
        """The verdict on one reply, and on demand what else it says.

        `code` and `status` count where the text has none; `domain`: the address mailed, or its
        domain; `provider`: slug of who runs the mailbox. Never raises for any text.
        """
        from bouncelens.service.answer import Answer, Asked

        slug = provider or _provider(domain)
        judgement = self._judge.judgement(text, code, status, provider=slug)[1]
        return Answer(self._judge, Asked(text, code, status, domain, provider), judgement.verdict)

    def many(self, texts: Iterable[str | None]) -> Answers:
        """The answers on many replies, in order; each distinct template is judged once."""
        from bouncelens.service.answer import Answers

        return Answers(self._judge, list(texts), rows=_ROWS)

    def batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """`batch` with the columns of its verdicts appended.

        Reads `text` (or `reply_text`, `reply`), and, where there are any, `code`, `status`,
        `provider` and `domain`. Raises InputInvalid where no column holds the text.
        """
        return judged_batch(self._judge, batch)

    def frame(self, frame: Frame) -> Frame:
        """The same for a Spark DataFrame, judged where its rows are: a DataFrame with the columns
        appended, words as strings. bouncelens has to be installed there, too.

        Raises InputInvalid where no column holds the text, or one is called like a verdict's.
        """
        from bouncelens.service.frame import judge_frame

        return judge_frame(frame, self._judge)


def judged_batch(judge: Judge, batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch with the columns of its verdicts appended. Raises InputInvalid where no column holds
    the text."""
    from bouncelens.service.bulk import Replies, providers_of

    names = batch.schema.names
    text = text_column(names)

    def column(name: str) -> Any:
        return batch.column(name) if name in names else None

    providers = column("provider")
    if providers is None and "domain" in names:
        providers = providers_of(column("domain"))
    replies = Replies(batch.column(text), column("code"), column("status"), providers)
    bulk = judge.bulk
    for name, values in bulk.columns(*bulk.look_up(replies)):
        batch = batch.append_column(name, values)
    return batch


def text_column(names: Sequence[str]) -> str:
    """Which of a batch's columns holds the replies. Raises InputInvalid."""
    for name in _TEXT_COLUMNS:
        if name in names:
            return name
    raise InputInvalid(
        f"A batch needs a column of replies: one of {', '.join(_TEXT_COLUMNS)}.",
        advice=f"This one has {', '.join(names) or 'none'}.",
    )


def _provider(domain: str | None) -> str | None:
    from bouncelens.parse.provider import provider_of

    return provider_of(domain.rpartition("@")[2]) if domain else None


classify = Classify()
