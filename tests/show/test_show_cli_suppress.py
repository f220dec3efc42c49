"""What `suppress` and `incident` say on a terminal, and whom they let through."""

from __future__ import annotations

from pathlib import Path

import pytest

from bouncelens.settings import Settings
from bouncelens.show.cli import run
from bouncelens.show.cli.suppress import MOST_CHANGES, shortened
from suppression_lake import DEAD, fill, settings_in


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Settings for a lake with three dead people, whose data is long stale."""
    folder = tmp_path_factory.mktemp("suppress")
    made: Settings = settings_in(folder)
    fill(made, [(f"dead{n}", DEAD, n + 1.0) for n in range(3)])
    path = folder / "bouncelens.toml"
    path.write_text(
        f'lake = "{made.lake}"\nledger = "{made.ledger}"\n'
        f'[suppression]\nfile = "{made.suppression.file}"\n[guard]\nleast = 1\nstale_hours = 1\n'
    )
    return ["--config", str(path)]


def test_guard_rails_refuse_before_anybody_is_asked_and_are_said_once(
    config: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "monday.plan")
    assert run(["suppress", "plan", "--out", file, *config]) == 0
    capsys.readouterr()
    for words in ([], ["--yes"], ["--override", " "]):
        assert run(["suppress", "apply", file, *words, *config]) == 1
        told = capsys.readouterr().err
        assert told.count("Guard rail (stale)") == 1
        assert told.count("stale_hours") == 1, "said once"
        assert "Nobody is here" not in told
        assert '--override "REASON"' in told
    assert run(["suppress", "apply", file, "--override", "We know.", *config]) == 2
    assert "Nobody is here to be asked" in capsys.readouterr().err
    assert run(["suppress", "apply", file, "--yes", "--override", "We know.", *config]) == 0
    capsys.readouterr()
    assert run(["audit", "list", *config]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "override: We know." in told
    assert "outcomes: 3 done" in told
    assert "{" not in told, "no JSON for people"


@pytest.mark.parametrize(
    "words",
    [
        *("suppress plan", "suppress undo 1", "suppress export crm --out x.csv", "audit verify"),
        *("audit list", "incident list", "incident watch", "quarantine list", "judge --all"),
    ],
)
def test_a_folder_without_a_lake_is_neither_well_nor_made_one(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(words.split()) == 5
    assert "There is no lake at" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_plan_without_a_target_says_so_and_is_not_applied(
    config: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, file = tmp_path / "bouncelens.toml", str(tmp_path / "monday.plan")
    path.write_text(Path(config[1]).read_text().partition("[suppression]")[0])
    assert run(["suppress", "plan", "--out", file, "--config", str(path)]) == 0
    told = capsys.readouterr().err
    assert "there is no target" in told
    assert "suppress apply" not in told
    assert run(["suppress", "apply", file, "--yes", "--config", str(path)]) == 1
    assert "Set suppression.data_extension" in capsys.readouterr().err


def test_a_slip_in_a_day_is_answered_with_one_that_is_right(
    config: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["incident", "watch", "--since", "31.12.2026", *config]) == 2
    assert "'31.12.2026' is no day. Write 2026-11-30" in capsys.readouterr().err


def test_a_slip_in_a_feed_names_every_feed(
    config: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["suppress", "export", "reactivat", "--out", "x.csv", *config]) == 2
    assert "crm, auto-suppression, reactivate" in capsys.readouterr().err


def test_an_incident_is_not_held_for_a_provider_that_nobody_is(
    config: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    hold = ["--since", "2026-05-30T10:15", "--why", "a test", *config]
    assert run(["incident", "hold", "gogle", *hold]) == 2
    assert "Did you mean 'google'?" in capsys.readouterr().err
    assert run(["incident", "hold", "google", *hold]) == 0
    number = capsys.readouterr().err.split()[1]
    assert run(["incident", "show", number, *config]) == 0
    told = capsys.readouterr()
    assert "2026-05-30 10:15" in told.out
    assert "`incident confirm` lets" in told.err


@pytest.mark.parametrize(
    ("verb", "means"),
    [("confirm", "the next plan releases them"), ("release", "its refusals count")],
)
def test_a_decided_incident_says_what_was_decided(
    config: list[str], capsys: pytest.CaptureFixture[str], verb: str, means: str
) -> None:
    assert run(["incident", "hold", "yahoo", "--since", "2026-05-30", "--why", "x", *config]) == 0
    number = capsys.readouterr().err.split()[1]
    assert run(["incident", verb, number, "--why", "They said so.", *config]) == 0
    capsys.readouterr()
    assert run(["incident", "show", number, *config]) == 0
    told = capsys.readouterr().err
    assert means in told
    assert "`incident confirm` lets" not in told


def test_a_long_list_of_changes_is_cut_and_the_rest_is_counted() -> None:
    changes = [("add", "unknown_user", f"p{n}", 100 - n) for n in range(MOST_CHANGES + 3)]
    shown, rest = shortened(changes)
    assert shown == changes[:MOST_CHANGES]
    left = sum(n for *_, n in changes[-3:])
    assert rest == f"3 more lines, of {left} addresses; --json has them."
    assert shortened(changes[:MOST_CHANGES]) == (changes[:MOST_CHANGES], "")
    with_release = [*changes, ("release", "unknown_user", "p0", 1)]
    assert with_release[-1] in shortened(with_release)[0], "every kind of change is shown"


def test_the_forecast_shows_every_column_when_it_is_asked_to(
    config: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["suppress", "forecast", "--wide", *config]) == 0
    assert "No room for" not in capsys.readouterr().err
