"""The README's first five minutes with one's own file, run as they are written there."""

from __future__ import annotations

import re
import shlex
import zipfile
from pathlib import Path

import pytest

from bouncelens.show.cli import run

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")

FILES = {
    "Bounces.csv": """\
ClientID,SendID,SubscriberKey,EmailAddress,SubscriberID,ListID,EventDate,EventType,\
BounceCategory,SMTPCode,BounceReason,BatchID,TriggeredSendExternalKey
7001,41,a,ann@acme.example,1,9,3/1/2026 9:00:05 AM,Bounce,Hard bounce,550,5.1.1 no such user,1,
7001,41,b,bob@acme.example,2,9,3/1/2026 9:00:09 AM,Bounce,Block bounce,550,\
5.7.1 Service unavailable; client [192.0.2.7] blocked using zen.spamhaus.org,1,
""",
    "Sent.csv": """\
ClientID,SendID,SubscriberKey,EmailAddress,SubscriberID,ListID,EventDate,EventType,BatchID,\
TriggeredSendExternalKey
7001,41,a,ann@acme.example,1,9,3/1/2026 9:00:00 AM,Sent,1,
7001,41,b,bob@acme.example,2,9,3/1/2026 9:00:00 AM,Sent,1,
7001,41,c,cat@acme.example,3,9,3/1/2026 9:00:00 AM,Sent,1,
""",
    "SendJobs.csv": """\
ClientID,SendID,FromName,FromEmail,SchedTime,SentTime,Subject,EmailName,TriggeredSendExternalKey
7001,41,Shop,shop@acme.example,3/1/2026 8:59:00 AM,3/1/2026 9:00:00 AM,Spring,Spring letter,
""",
}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a Tracking Extract and nothing else, in which we stand."""
    with zipfile.ZipFile(tmp_path / "extract.zip", "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text.replace("\n", "\r\n").encode("utf-16"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def section(title: str) -> list[list[str]]:
    """The commands in the section with this heading."""
    text = README.partition(f"## {title}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
    lines = [line.partition("  #")[0] for block in blocks for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line.strip()]


def test_the_first_five_minutes_with_an_extract_run_as_written(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = section("Five minutes with your own Tracking Extract")
    assert len(commands) >= 5
    said = []
    for program, *arguments in commands:
        assert program == "bouncelens"
        if arguments != ["serve"]:  # runs until Ctrl-C; test_show_web_browser.py looks at it
            assert run(arguments) == 0, arguments
            said.append(capsys.readouterr().out)
    assert "unknown_user" in said[0]
    assert "Spring letter" in said[0]
    assert "unknown_user" not in said[1]
    assert "blocklisted" in said[2]
    assert said[3] == ""
    assert "<svg" in (desk / "report.html").read_text("utf-8")
    assert "spamhaus" in said[4].lower()
    assert (desk / "lake").is_dir()
