"""A daemon that is killed while it tells somebody tells it again when it is back, with the same id."""

from __future__ import annotations

import json
from pathlib import Path

from tests.helpers import make_repository, octojobs, start_octojobs, wait_until

FILES = {
    ".octopoid/octojobs.yaml": 'channels: {ops: {command: [sh, -c, "cat >> told.jsonl; test -e up || exec sleep 60"]}}\n',
    ".octopoid/jobs.yaml": "jobs: {bad: {interval: 1h, command: 'exit 3', notify: {channels: [ops]}}}\n",
}


def _told(repo: Path) -> list[str]:
    file = repo / "told.jsonl"
    return [json.loads(line)["id"] for line in file.read_text().splitlines()] if file.exists() else []


def test_a_kill_in_the_middle_of_a_delivery_loses_nothing(tmp_path: Path) -> None:
    """Nobody has recorded that it arrived: at least once, and the id says that it is the same."""
    repo = make_repository(tmp_path, FILES)
    assert octojobs(repo, "allow", "--yes").returncode == 0
    daemon = start_octojobs(repo, "up")
    wait_until(lambda: _told(repo), what="the delivery")
    daemon.kill()
    daemon.wait(20)
    (repo / "up").touch()
    assert json.loads(octojobs(repo, "status", "--json").stdout)["outbox"]["pending"] == 1
    octojobs(repo, "tick")
    first, again = _told(repo)
    assert first == again
    assert first.startswith("bad@")
    assert first.endswith("/failed/ops")
    assert json.loads(octojobs(repo, "status", "--json").stdout)["outbox"] == {"pending": 0, "dead": 0, "letters": []}
