"""A day of `octojobs up` within an hour: the real daemon in a real repository, whose clocks run 24 times as fast (`hurried.py`).

It carries out ten runs a second and some, in the machine's time: jobs that succeed, that fail and are tried again, that talk, that are
held by a guard, and by hand; a commit changes them every minute, midnight comes half-way, and what exceeds the retention is removed.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon import Place, place, ready, up, wait_for
from hurried import begin

from octojobs.actions.checkup.selftest import promises
from octojobs.platform import children

SPEED = 24
SPAN_S, QUICK_SPAN_S = 3600, 170
WARM_UP_S, QUICK_WARM_UP_S = 600, 80
"""After this the day is measured: the first thousand runs fill what is kept for later ones."""
SAMPLE_S, QUICK_SAMPLE_S = 60, 6
LOOKS = 20
"""Readings of a sample, of which the least counts: while a run goes on it has memory and descriptors of its own."""
SETTLED = timedelta(minutes=5)
"""How long before the end, in its own time, everything that was due has begun: a machine that stood still for 12 s is allowed for."""
STEADY = 18
INTERVALS = {**{f"steady{number}": 48 for number in range(STEADY)}, "talks": 120, "fails": 120, "held": 120, "minutely": 60, "hourly": 3600}
"""Seconds between two due instants of each job, in its own time."""


@dataclass(frozen=True)
class Sample:
    """Bytes that the daemon and its launcher have for themselves (anonymous pages), bytes of all with the shims (PSS); how many shims.

    The daemon has a connection to each of its shims: those do not count among its `descriptors`.
    """

    daemon: int
    launcher: int
    everything: int
    shims: int
    descriptors: int
    launcher_descriptors: int


@dataclass(frozen=True)
class Day:
    """What was seen after the warm-up, and what was found in the end: runs that ended, rows of the history, folders that are kept."""

    samples: list[Sample]
    seconds: float
    runs: int
    rows: int
    folders: int
    wrong: list[str]

    @property
    def hours(self) -> float:
        """How long it was for octojobs."""
        return self.seconds * SPEED / 3600

    def values(self, kind: str) -> list[int]:
        """One field of all samples."""
        return [getattr(sample, kind) for sample in self.samples]


def lived(folder: Path, *, quick: bool) -> Day:
    """Let the day pass."""
    span_s, warm_up_s, sample_s = (QUICK_SPAN_S, QUICK_WARM_UP_S, QUICK_SAMPLE_S) if quick else (SPAN_S, WARM_UP_S, SAMPLE_S)
    effects = folder / "effects"
    at = place(folder, {".octopoid/jobs.yaml": _jobs(effects, 0)})
    clock = folder / "clock.json"
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    hurry = begin(clock, midnight - timedelta(seconds=span_s * SPEED / 2), SPEED)
    at = replace(at, command=(sys.executable, "-P", str(Path(__file__).with_name("hurried.py")), str(clock)))
    samples: list[Sample] = []
    with up(at) as daemon:
        wait_for(lambda: ready(at, daemon), "the daemon")
        began, version = time.monotonic(), 0
        while (passed_s := time.monotonic() - began) < span_s:
            version += 1
            at.commit(".octopoid/jobs.yaml", _jobs(effects, version))
            with suppress(subprocess.CalledProcessError):  # it has waited for 5 s: the daemon is late, and takes the request later
                at.octojobs("run-now", "by_hand")
            time.sleep(max(0.0, sample_s - (time.monotonic() - began - passed_s)))
            if passed_s >= warm_up_s:
                samples.append(_sample(daemon))
            if daemon.poll() is not None:
                raise RuntimeError(f"octojobs up ended with {daemon.returncode}: {(at.home / 'log').read_text()[-500:]}")
        settled = hurry.now() - SETTLED
    return _judged(at, samples, effects, settled, span_s)


JOBS = """\
version: 1
defaults: {{timeout: {timeout_m}m}}
jobs:
{steady}
  talks: {{interval: 2m, jitter: 110s, command: '{effect}; yes | head -c 100000'}}
  fails: {{interval: 2m, jitter: 110s, retries: {{max: 1, delay: 10s}}, on_failure: {{command: '{effect}'}}, command: '{effect}; exit 1'}}
  held: {{interval: 2m, jitter: 110s, conditions: [{{file_exists: nothing}}], when_blocked: skip, command: '{effect}'}}
  minutely: {{schedule: "* * * * *", command: '{effect}'}}
  hourly: {{schedule: "@hourly", command: '{effect}'}}
  by_hand: {{manual: true, command: '{effect}'}}
"""


def _jobs(effects: Path, version: int) -> bytes:
    effect = f'echo "$OCTOJOBS_RUN_ID $OCTOJOBS_ATTEMPT" >> {effects}'
    steady = "\n".join(f"  steady{number}: {{interval: 48s, jitter: 47s, command: '{effect}'}}" for number in range(STEADY))
    return JOBS.format(timeout_m=30 + version, effect=effect, steady=steady).encode()


def _sample(daemon: subprocess.Popen[bytes]) -> Sample:
    """The least of each of some readings."""
    readings = []
    for _ in range(LOOKS):
        time.sleep(0.05)
        with suppress(OSError, StopIteration):  # a process ended meanwhile
            readings.append(_reading(daemon.pid))
    if not readings:
        raise RuntimeError(f"octojobs up has no launcher, or ended ({daemon.poll()})")
    return Sample(*map(min, zip(*map(astuple, readings), strict=True)))


def _reading(daemon: int) -> Sample:
    launcher = next(pid for pid in children(daemon) if b"-I\0-S\0" in Path(f"/proc/{pid}/cmdline").read_bytes())
    shims = children(launcher)
    everything = sum(_bytes(pid, "Pss") for pid in (daemon, launcher, *shims))
    own = _bytes(daemon, "Anonymous"), _bytes(launcher, "Anonymous")
    return Sample(*own, everything, len(shims), _descriptors(daemon) - len(shims), _descriptors(launcher))


def _bytes(pid: int, kind: str) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.findall(rf"^{kind}:\s+(\d+) kB", rollup, re.MULTILINE)[0]) * 1024


def _descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def _judged(at: Place, samples: list[Sample], effects: Path, settled: datetime, seconds: float) -> Day:
    """What the history says of the day, beside the effects of its jobs; what was due by `settled` has an outcome."""
    found = promises.gather(at.paths)
    wrong = [*promises.no_damage(found), *promises.at_most_once(found.rows, found.open_runs, effects.read_text().splitlines())]
    for job, interval_s in INTERVALS.items():
        open_runs = [run for run in found.open_runs if run.job == job]
        wrong += [f"{job}: {one}" for one in promises.one_outcome(found.rows_of(job), open_runs, interval_s, settled)]
    wrong += [*promises.tidy(at.paths), *promises.spoken((at.home / "log").read_text(errors="replace"))]
    runs = sum(row["started_at"] is not None for row in found.rows)
    kept = sum(1 for _ in at.paths.runs.glob("*/*@*"))
    return Day(samples, seconds, runs, len(found.rows), kept, wrong)


def ends(values: Sequence[int]) -> tuple[float, float]:
    """The medians of the first quarter and of the last."""
    quarter = max(1, len(values) // 4)
    return statistics.median(values[:quarter]), statistics.median(values[-quarter:])


def slope(values: Sequence[int]) -> float:
    """By how much the line of least squares grows from its first value to its last, as a part of the first."""
    line = statistics.linear_regression(range(len(values)), values)
    return line.slope * (len(values) - 1) / line.intercept
