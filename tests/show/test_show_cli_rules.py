"""`rules mine`, `draft`, `set` and `unset`, one after the other, as a script runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bouncelens.show.cli import run

CSV = """JobID,SubscriberKey,EventDate,Domain,BounceReason
7,a,2026-03-01 10:00:00,gmail.com,550 a wobbly penguin 17
7,b,2026-03-02 10:00:00,gmail.com,550 a wobbly penguin 18
"""


def _mined(capsys: pytest.CaptureFixture[str]) -> list[int]:
    capsys.readouterr()
    assert run(["rules", "mine", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    return [each["stored"]["template"]["template_id"] for each in found]


def test_ids_go_from_mine_to_draft_and_set_in_either_writing_and_others_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text(CSV)
    assert run(["import", "x.csv", "--account", "1"]) == 0
    (number,) = _mined(capsys)
    for written in (str(number), f"{number % (1 << 64):016x}"):
        assert run(["rules", "draft", "mailbox_full", "--", written]) == 0
        assert "wobbly penguin" in capsys.readouterr().out
        assert run(["rules", "set", "--why", "seen", "--", written, "mailbox_full"]) == 0
        assert _mined(capsys) == []
        assert run(["rules", "unset", "--why", "back", "--", written]) == 0
        assert _mined(capsys) == [number]
    capsys.readouterr()
    for odd in ("", "penguin", "-1x", "9" * 30, "-" + "9" * 19):
        assert run(["rules", "unset", "--why", "x", "--", odd]) == 2
        assert "is no template's id" in capsys.readouterr().err
