"""`octojobs doctor` tells which channels can't deliver from here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.helpers import home_of, make_repository, octojobs, write
from tests.notify.world import program

JOBS = """\
jobs:
  check: {manual: true, command: make, notify: {channels: [team]}, output: {channel: "bot:telegram"}}
  quiet: {manual: true, command: make}
"""
SETTINGS = """\
channels:
  team: {webhook: "https://example.org/x", secret: HOOK}
  bot: {redis: "redis://:${BOT_PASSWORD}@localhost/0/notifications:{platform}"}
  unused: {webhook: "https://example.org/x", secret: NOT_NEEDED}
"""


def findings(repo: Path, **env: str) -> list[str]:
    """What it says about channels."""
    told = json.loads(octojobs(repo, "doctor", "--json", timeout=60, **env).stdout)
    return [f"{one['subject']}: {one['what']}" for one in told["findings"] if one["subject"].startswith("channel")]


def test_secrets_that_are_missing_are_named(tmp_path: Path) -> None:
    """Those of the channels that jobs name; once they are there, nothing is said."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": JOBS, ".octopoid/octojobs.yaml": SETTINGS})
    team, bot = findings(repo)
    assert team.startswith("channel team: secret HOOK is neither in the daemon's environment nor in ")
    assert bot.startswith("channel bot: secret BOT_PASSWORD is neither ")
    assert findings(repo, HOOK="a", BOT_PASSWORD="b") == []


def test_the_users_own_file_must_be_private(tmp_path: Path) -> None:
    """Until then nobody is told."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": JOBS, ".octopoid/octojobs.yaml": SETTINGS})
    own = write(home_of(repo) / ".config/octojobs/channels.yaml", "channels: {team: {file: a}, bot: {file: b}}\n")
    own.chmod(0o644)
    (first, *_) = findings(repo)
    assert first == f"channels: {own} is not used: others may read it, or it is not your own file; run: chmod 600 {own}"
    own.chmod(0o600)
    assert findings(repo) == []


def test_a_machine_without_a_desktop_is_told(tmp_path: Path) -> None:
    """With what to install."""
    jobs = "jobs: {check: {manual: true, command: make, notify: {channels: [desk]}}}\n"
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": jobs, ".octopoid/octojobs.yaml": "channels: {desk: {desktop: true}}\n"})
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "git").symlink_to(shutil.which("git") or "git")
    assert findings(repo, PATH=str(tools)) == ["channel desk: there is no notify-send here, and no osascript"]
    program(tools, "notify-send", "exit 0")
    assert findings(repo, PATH=str(tools)) == []
