"""P4 (with P2 and P3): every due instant ends in exactly one outcome, and its code starts at most once, whoever is killed when."""

from __future__ import annotations

import random
import signal
import threading
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.codec import parse_instant
from octojobs.store.index import query
from octojobs.store.paths import StatePaths
from octojobs.store.view import read_state
from tests.helpers import make_repository, octojobs, start_octojobs, wait_until

JOBS = 6
KILLS = 12


def _jobs() -> str:
    lines = ["jobs:"]
    for number in range(JOBS):
        command = 'echo "$OCTOJOBS_JOB $OCTOJOBS_SCHEDULED_AT $OCTOJOBS_ATTEMPT" >> effects'
        lines += [f"  job{number}:", "    interval: 1s", f"    command: '{command}'"]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("seed", [1, 2])
def test_a_daemon_that_is_killed_again_and_again_loses_and_repeats_nothing(tmp_path: Path, seed: int) -> None:
    """SIGKILL at random moments; afterwards the rows cover every instant once, and the effects are what the rows say."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": _jobs()})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    dice = random.Random(seed)
    for _ in range(KILLS):
        daemon = start_octojobs(repo, "up")
        _wait(0.3 + dice.uniform(0.05, 0.8))
        daemon.send_signal(signal.SIGKILL)
        daemon.wait(10)
    paths = StatePaths(repo / ".git/octojobs")
    last = start_octojobs(repo, "up")
    started_at = datetime.now().astimezone()
    wait_until(lambda: _settled(paths, started_at), 20, "the last daemon to have caught up")
    assert octojobs(repo, "down").returncode == 0
    assert last.wait(10) == 0
    wait_until(lambda: not read_state(paths).runs or octojobs(repo, "tick").returncode == 0, 20, "the last runs to end")

    rows = query(paths, limit=100_000)
    for number in range(JOBS):
        _covers_each_instant_once([row for row in rows if row["job"] == f"job{number}"])
    effects = Counter((repo / "effects").read_text().splitlines())
    assert [line for line, times in effects.items() if times > 1] == [], "some attempt ran twice"
    succeeded = {f"{row['job']} {row['scheduled_at']} {row['attempt']}" for row in rows if row["outcome"] == "succeeded"}
    assert succeeded <= effects.keys(), "some success never ran"
    lost = {f"{row['job']} {row['scheduled_at']} {row['attempt']}" for row in rows if row["outcome"] == "lost"}
    assert effects.keys() - succeeded - lost == set(), "something ran that no row tells of"


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)


def _settled(paths: StatePaths, after: datetime) -> bool:
    """Whether every job's cursor has reached an instant after the last daemon's start."""
    jobs = read_state(paths).jobs.values()
    return len(jobs) == JOBS and all(state.cursor >= after for state in jobs)


def _covers_each_instant_once(rows: Iterable[dict[str, Any]]) -> None:
    seconds: list[int] = []
    for row in rows:
        last = int(parse_instant(row["scheduled_at"]).timestamp())
        seconds += range(last, last - row["count"], -1)
    seconds.sort()
    assert seconds == list(range(seconds[0], seconds[-1] + 1))
