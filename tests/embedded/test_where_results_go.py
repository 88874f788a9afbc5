"""Without any settings, what a run has come to is kept beside the records, and told in the log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.embedded.conftest import Make, beat
from tests.helpers import write


def test_a_result_is_kept_in_the_state_folder(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the channel is called; a second scheduler of that state tells nothing again."""
    caplog.set_level("INFO", "octojobs.notify")
    first, second = make(real=True), make(real=True)
    for scheduler in (first, second):
        scheduler.jobs["beat"] = beat(command="echo 3 drafts", output={"channel": "telegram:ada"})
        scheduler.run_once()
        scheduler.close()
    (line,) = (first.state_dir / "outbox/telegram-ada.jsonl").read_text().splitlines()
    told = json.loads(line)
    assert (told["channel"], told["title"], told["status"], told["body"]) == ("telegram:ada", "beat completed", "success", "3 drafts")
    assert "telegram:ada: beat completed: 3 drafts" in caplog.text


def test_a_program_uses_the_channels_of_its_user(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From their own file, which no repository can read."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    write(tmp_path / "config/octojobs/channels.yaml", f"channels: {{mine: {{file: {tmp_path}/mine.jsonl}}}}\n").chmod(0o600)
    scheduler = make(real=True)
    scheduler.jobs["beat"] = beat(command="exit 3", notify={"channels": ["mine"]})
    scheduler.run_once()
    scheduler.close()
    assert json.loads((tmp_path / "mine.jsonl").read_text())["title"] == "beat failed"
