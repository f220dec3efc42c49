"""Accuracy on the labelled replies. Texts of the unread part are never printed."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bouncelens.service.judge import Judge

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from bouncelens.bounce import Verdict

PARTS = (
    "read",
    "opened",
    "unread",
    "blind_read",
    "blind_opened",
    "blind2_read",
    "blind2_opened",
    "blind3_read",
    "blind3_opened",
    "blind4_read",
    "blind4_opened",
    "blind5_read",
    "blind5_opened",
    "field_read",
    "field_unread",
    "field2_read",
    "field2_unread",
    "own_postmaster",
    "own_wording",
)
_MAY_BE_READ = tuple(
    part for part in PARTS if "unread" not in part and not part.startswith("own")
)  # while writing rules; of the others only figures
CORPUS = Path(__file__).parent.parent / "tests" / "corpus"


@dataclass(frozen=True, slots=True)
class Case:
    """A labelled reply and what we say of it."""

    label: dict[str, Any]
    verdict: Verdict

    @property
    def is_right(self) -> bool:
        """Whether our reason is the label or one that a reasonable reader accepts."""
        return self.verdict.reason in {self.label["class"], *self.label["also_ok"]}


def run(arguments: argparse.Namespace) -> int:
    """Print the figures of each part."""
    judge = Judge.of_rules()
    for part in [arguments.part] if arguments.part else PARTS:
        for how in ("text alone", "with codes and provider"):
            cases = judged_cases(judge, part, with_columns=how != "text alone")
            print(f"{part:14} {how:24} {figures(cases, judge)}")
        cases = judged_cases(judge, part, with_columns=False)
        if arguments.matrix:
            _print_tables(part, cases)
        if arguments.misses and part in _MAY_BE_READ:
            _print_misses(cases)
    return 0


def judged_cases(judge: Judge, part: str, *, with_columns: bool) -> list[Case]:
    """Every reply of `part`, judged from its text alone or with code, status and provider."""
    cases = []
    for line in (CORPUS / f"{part}.jsonl").read_text("utf-8").splitlines():
        label = json.loads(line)
        columns: dict[str, Any] = {}
        if with_columns:
            columns = {
                "code": int(label["code"]) if label.get("code") else None,
                "status": label.get("enhanced"),
                "provider": label["provider"],
            }
        cases.append(Case(label, judge.judge(label["text"], **columns).verdict))
    return cases


def figures(cases: Sequence[Case], judge: Judge) -> str:
    """The five figures that issue 3 names."""
    reasons = judge.ruleset.reasons
    group_ok = sum(
        case.verdict.group
        in {reasons[name].group for name in (case.label["class"], *case.label["also_ok"])}
        for case in cases
    )
    hardness_ok = sum(case.verdict.hardness == case.label["hardness"] for case in cases)
    not_hard = [case for case in cases if case.label["hardness"] != "hard"]
    false_hard = sum(case.verdict.hardness == "hard" for case in not_hard)
    said = [case for case in cases if case.label["class"] != "unclassified"]
    left = sum(case.verdict.reason == "unclassified" for case in said)
    return (
        f"n={len(cases)} reason {_pct(sum(c.is_right for c in cases), len(cases))} "
        f"group {_pct(group_ok, len(cases))} hardness {_pct(hardness_ok, len(cases))} "
        f"false-hard {_pct(false_hard, len(not_hard))} unclassified {_pct(left, len(said))}"
    )


def _pct(part: int, whole: int) -> str:
    return f"{100 * part / max(1, whole):.1f} %"


def _print_tables(part: str, cases: Sequence[Case]) -> None:
    for key in ("class", "provider"):
        print(f"\n{part}: right / all per {key}")
        groups: dict[str, list[Case]] = defaultdict(list)
        for case in cases:
            groups[str(case.label[key])].append(case)
        for name, members in sorted(groups.items(), key=lambda item: -len(item[1])):
            print(f"  {name:24} {sum(c.is_right for c in members):4} / {len(members)}")
    print(f"\n{part}: hardness (label -> ours), wrong ones only")
    wrong = Counter(
        (c.label["class"], c.label["hardness"], c.verdict.reason, c.verdict.hardness.value)
        for c in cases
        if c.verdict.hardness != c.label["hardness"]
    )
    for (label, hardness, ours, our_hardness), count in wrong.most_common():
        print(f"  {label:24} {hardness:8} -> {ours:24} {our_hardness:8} {count}")
    print(f"\n{part}: confusion (label -> ours), wrong ones only")
    wrong = Counter((c.label["class"], c.verdict.reason) for c in cases if not c.is_right)
    for (label, ours), count in wrong.most_common():
        print(f"  {label:24} -> {ours:24} {count}")


def _print_misses(cases: Iterable[Case]) -> None:
    for case in cases:
        label, verdict = case.label, case.verdict
        if case.is_right and verdict.hardness == label["hardness"]:
            continue
        print(
            f"\n{label['class']} {label['also_ok']} {label['hardness']}  <-  "
            f"{verdict.reason} {verdict.hardness.value} by {verdict.rule}\n    {label['text']}"
        )
