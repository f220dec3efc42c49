"""Auto-suppression lists: addresses imported over SFTP, read back or counted, taken away again."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from light_workspace import LightWorkspace

from bouncelens.errors import BouncelensError, SettingsInvalid, SourceError
from bouncelens.service.doctor import diagnose
from bouncelens.service.suppress import apply, plan, undo
from bouncelens.settings import Settings
from inner_sandbox import Inner, inner_sandbox
from suppression_lake import DEAD, NOW, fill, people

PEOPLE = [("ann", DEAD, 1.0), ("bob", DEAD, 2.0), ("cid", DEAD, 3.0)]
ALL = {"ann@example.com", "bob@example.com", "cid@example.com"}


@pytest.fixture(scope="module")
def inner() -> Iterator[Inner]:
    with inner_sandbox() as made:
        yield made


def settings_of(inner: Inner, folder: Path, key: str, **more: str) -> Settings:
    auto = {"import_key": key, "removal_file": str(folder / "removals.csv")} | more
    settings = inner.settings(folder, auto_suppression=auto)
    fill(settings, PEOPLE, account=inner.mid)
    return settings


def planned(workspace: LightWorkspace, folder: Path, name: str = "plan") -> Any:
    made = plan(workspace, out=folder / name, now=NOW)
    return made, apply(workspace, folder / name, now=NOW)


def owed_in(folder: Path) -> list[list[str]]:
    return list(csv.reader((folder / "removals.csv").read_text().splitlines()))


WAYS = [
    pytest.param("delete", "AddAndUpdate", id="deleted rows"),
    pytest.param("overwrite", "Overwrite", id="an import that overwrites"),
]


@pytest.mark.parametrize(("removal", "update"), WAYS)
def test_addresses_go_on_the_list_and_off_it_and_strangers_stay(
    inner: Inner, tmp_path: Path, removal: str, update: str
) -> None:
    key = f"by_{removal}"
    inner.make_list(key, update)
    inner.add_to_list(key, "stranger@example.com")
    inner.add_to_list(key, "BOB@example.com")  # somebody else has one of ours on it already
    settings = settings_of(inner, tmp_path, key, list_key=key, removal=removal)
    with LightWorkspace.open(settings) as workspace:
        _, done = planned(workspace, tmp_path)
        assert dict(done.outcomes) == {"done": 3}
        before = {"stranger@example.com", "BOB@example.com"}
        added = {"ann@example.com", "cid@example.com"}
        assert inner.listed(key) == before | added, "who is there is not added twice"
        landed = inner.sandbox.storage.home(inner.mid) / "Import"
        assert not list(landed.iterdir()), "the file names people: it does not stay"
        assert plan(workspace, now=NOW).counts["renew"] == 0
        people(settings, [{"account": inner.mid, "subscriber_key": "ann", "last_click": NOW}])
        made, done = planned(workspace, tmp_path, "second")
        assert (made.counts["release"], dict(done.outcomes)) == (1, {"done": 1})
        assert inner.listed(key) == before | {"cid@example.com"}
        undo(workspace, done.run, now=NOW)
        assert inner.listed(key) == before | added
        first = workspace.ledger.changes.changes()[-1].run
        assert dict(undo(workspace, first, now=NOW).outcomes) == {"done": 3}
        assert inner.listed(key) == before


def test_what_nobody_can_take_away_is_left_to_a_hand_and_said(inner: Inner, tmp_path: Path) -> None:
    inner.make_list("by_hand")
    settings = settings_of(inner, tmp_path, "by_hand", list_key="by_hand")
    with LightWorkspace.open(settings) as workspace:
        _, done = planned(workspace, tmp_path)
        back = undo(workspace, done.run, now=NOW)
        assert (dict(back.outcomes), back.exit_code) == ({"by_hand": 3}, 3)
        assert "remove it from the list by hand" in back.lacking[0].detail
        assert not workspace.ledger.suppressions(state="active")
        assert inner.listed("by_hand") == ALL
        owed = owed_in(tmp_path)
        assert owed == [["Account", "Email Address"], *([str(inner.mid), a] for a in sorted(ALL))]
        _, again = planned(workspace, tmp_path, "again")
        assert dict(again.outcomes) == {"done": 3}
        owed = owed_in(tmp_path)
        assert len(owed) == 1, "whoever is suppressed again is not to be removed any more"


def test_a_list_that_cannot_be_read_is_believed_by_the_imports_counts(
    inner: Inner, tmp_path: Path
) -> None:
    inner.make_list("counted")
    settings = settings_of(inner, tmp_path, "counted")
    with LightWorkspace.open(settings) as workspace:
        _, done = planned(workspace, tmp_path)
        assert (dict(done.outcomes), inner.listed("counted")) == ({"done": 3}, ALL)
        assert plan(workspace, now=NOW).counts["renew"] == 0
        fill(settings, [("odd", DEAD, 1.0)], account=inner.mid, address="no address")
        fill(settings, [("dan", DEAD, 1.0)], account=inner.mid)
        _, done = planned(workspace, tmp_path, "odd")
        assert (dict(done.outcomes), done.exit_code) == ({"refused": 2}, 3)
        assert "took 1 of 2 addresses and refused 1" in done.lacking[0].detail
        assert plan(workspace, now=NOW).counts["add"] == 2, "they are proposed again"


def test_an_address_of_two_people_stays_while_one_is_suppressed(
    inner: Inner, tmp_path: Path
) -> None:
    inner.make_list("shared")
    settings = settings_of(inner, tmp_path, "shared", list_key="shared", removal="delete")
    fill(settings, [("ann2", DEAD, 1.0)], account=inner.mid, address="Ann@example.com")
    with LightWorkspace.open(settings) as workspace:
        planned(workspace, tmp_path)
        assert inner.listed("shared") == ALL
        people(settings, [{"account": inner.mid, "subscriber_key": "ann", "last_click": NOW}])
        made, _ = planned(workspace, tmp_path, "one")
        assert (made.counts["release"], inner.listed("shared")) == (1, ALL)
        people(settings, [{"account": inner.mid, "subscriber_key": "ann2", "last_click": NOW}])
        planned(workspace, tmp_path, "other")
        assert inner.listed("shared") == ALL - {"ann@example.com"}


def test_an_import_that_is_not_there_or_fails_is_named(inner: Inner, tmp_path: Path) -> None:
    inner.make_list("fails")
    settings = settings_of(inner, tmp_path, "nowhere", list_key="fails")
    with LightWorkspace.open(settings) as workspace:
        with pytest.raises(SourceError, match="Import nowhere") as caught:
            plan(workspace, now=NOW)
        assert caught.value.exit_code == 5
        found = {check.name: check for check in diagnose(workspace).checks}
        assert "Import nowhere" in found["suppressions to auto-suppression:nowhere"].detail
    more = {"import_key": "fails", "file": "another.csv", "list_key": "fails"}
    settings = settings.model_copy(
        update={
            "auto_suppression": settings.auto_suppression.model_copy(update=more),
            "ledger": f"sqlite:///{tmp_path / 'other.db'}",
        }
    )
    fill(settings, PEOPLE, account=inner.mid)
    with LightWorkspace.open(settings) as workspace:
        with pytest.raises(SourceError, match="it failed after 0 rows"):
            planned(workspace, tmp_path)
        assert inner.listed("fails") == set()


OTHERS = [
    pytest.param(
        {"auto_suppression": {"import_key": "mine", "list_key": "a name"}},
        "wants the external key", id="a list by its name",
    ),
    pytest.param(
        {"suppression": {"data_extension": "mine"}}, "has no column SubscriberKey",
        id="somebody else's data extension",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("more", "words"), OTHERS)
def test_a_place_that_does_not_fit_is_named_before_anything_is_planned(
    inner: Inner, tmp_path: Path, more: dict[str, Any], words: str
) -> None:
    if inner.sandbox.imports.find(inner.mid, "mine") is None:
        inner.make_list("mine")
    settings = inner.settings(tmp_path, **more)
    fill(settings, PEOPLE, account=inner.mid)
    with (
        LightWorkspace.open(settings) as workspace,
        pytest.raises(BouncelensError, match=words) as caught,
    ):
        plan(workspace, now=NOW)
    assert caught.value.advice


def test_an_import_that_was_removed_since_keeps_nobody_from_undoing(
    inner: Inner, tmp_path: Path
) -> None:
    inner.make_list("gone")
    settings = settings_of(inner, tmp_path, "gone", list_key="gone", removal="delete")
    with LightWorkspace.open(settings) as workspace:
        _, done = planned(workspace, tmp_path)
        inner.sandbox.imports.remove("id-gone")
        assert dict(undo(workspace, done.run, now=NOW).outcomes) == {"done": 3}
        assert inner.listed("gone") == set()


def test_a_list_without_sftp_is_refused_before_anything_is_asked(
    inner: Inner, tmp_path: Path
) -> None:
    settings = inner.settings(tmp_path, auto_suppression={"import_key": "x"}, tracking={})
    with (
        LightWorkspace.open(settings) as workspace,
        pytest.raises(SettingsInvalid, match="host is not"),
    ):
        plan(workspace, now=NOW)
