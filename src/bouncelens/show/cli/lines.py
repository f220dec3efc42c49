"""Judged rows as lines of JSON, a block at a time: millions of rows pass through here.

What a template says is put into words once; a row adds its ids and the number of its line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bouncelens.show.cli.screen import json_text

if TYPE_CHECKING:
    from bouncelens.bounce import Verdict
    from bouncelens.service.classify_file import JudgedBlock

_NEEDS_CARE = r"[^ !#-\[\]-~]"  # quotes, backslashes, what is not printable ASCII


class Lines:
    """Writes blocks of rows."""

    def __init__(self) -> None:
        self._of: list[tuple[Verdict, str]] | None = None
        self._endings: list[str] = []

    def of(self, block: JudgedBlock) -> str:
        """The rows as text, one JSON object a line."""
        import pyarrow as pa
        from pyarrow import compute

        pc: Any = compute
        if block.verdicts is not self._of:
            self._of, self._endings = block.verdicts, []
        self._endings += [_ending(*said) for said in block.verdicts[len(self._endings) :]]
        parts: list[Any] = []
        before = "{"
        for name, cells in block.ids.items():
            parts += [f"{before}{json_text(name)}: ", _cells(cells)]
            before = ", "
        lines = pa.array(block.lines, pa.int64()).cast(pa.string())
        endings = pa.array(self._endings, pa.string()).take(pa.array(block.numbers))
        parts += [f'{before}"line": ', pc.fill_null(lines, "null"), endings, "\n"]
        rows = pc.binary_join_element_wise(*parts, "")
        # laid end to end they are the text already
        _, offsets, text = rows.buffers()
        end = memoryview(offsets).cast("i")[len(rows)]
        return str(memoryview(text)[:end], "utf-8")


def _ending(verdict: Verdict, action: str) -> str:
    said = {
        "reason": verdict.reason,
        "group": verdict.group,
        "hardness": verdict.hardness.value,
        "temporary": verdict.is_temporary,
        "rule": verdict.rule,
        "confidence": round(verdict.confidence, 4),
        "evidence": verdict.evidence,
        "action": action,
    }
    return f", {json_text(said)[1:]}"


def _cells(cells: Any) -> Any:
    """A column of text as JSON; most cells need no more than quotes."""
    import pyarrow as pa
    from pyarrow import compute

    pc: Any = compute
    quoted = pc.binary_join_element_wise('"', cells, '"', "")
    needs_care = pc.fill_null(pc.match_substring_regex(cells, _NEEDS_CARE), True)
    if not pc.any(needs_care).as_py():
        return quoted
    careful = [json_text(cell) for cell in cells.filter(needs_care).to_pylist()]
    return pc.replace_with_mask(quoted, needs_care, pa.array(careful, pa.string()))
