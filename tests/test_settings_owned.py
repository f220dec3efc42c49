"""Files for their owner only: from the first moment, whole, and nothing left of one that failed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bouncelens.settings.owned import owned_file, owned_whole


@pytest.mark.skipif(os.name == "nt", reason="file modes")
def test_nobody_else_may_read_it_even_while_it_is_written(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with owned_whole(tmp_path / "people.csv") as file:
            file.write("pat@a.example\r\n")
            modes = [entry.stat().st_mode & 0o777 for entry in tmp_path.iterdir()]
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]
    assert (tmp_path / "people.csv").read_bytes() == b"pat@a.example\r\n"
    assert (tmp_path / "people.csv").stat().st_mode & 0o777 == 0o600


def test_what_breaks_off_leaves_the_older_file_and_no_part(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("older")
    (tmp_path / ".people.csv.part").write_text("of one that was killed")
    with pytest.raises(TypeError), owned_whole(path, "wb") as file:
        file.write("text where bytes belong")
    assert [entry.name for entry in tmp_path.iterdir()] == ["people.csv"]
    assert path.read_text() == "older"


def test_a_new_file_is_written_into_no_other(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        owned_file(tmp_path / "link")
