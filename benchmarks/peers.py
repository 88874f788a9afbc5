"""Launches of `true` a second by others, for comparison: bare loops, APScheduler, cronstable with its durable state, yacron.

    python benchmarks/peers.py                        # all of them, three rounds of 500 launches
    python benchmarks/peers.py --runs 200 --rounds 1 --only "durable loop" --only cronstable

Everything runs in one run, the rounds interleaved, so that a machine that slows down slows all of them: compare the ratios, not
the rates. `--folder` chooses where files are written, hence the file system, which is named in the output. What is measured
is fetched by pip and apt-get into folders of its own under `$XDG_CACHE_HOME/octojobs-benchmarks`, once.

How each is driven, where it matters:

- *durable loop*, *spawn loop*: the physical limit, with an exit file synced for each run and without; see `loops.py`.
- *bare loop*: `subprocess.run` in four threads (faster than one thread with four children, which waits for each exec); nothing is
  written. What Python can do on this machine.
- *grouped loop*: as above, and each run opens a log of its own, and each end is a line in a journal that is brought to the
  disk with one fdatasync per 50: a power cut takes up to 50 ends. What a careful script can do.
- *the protocol alone*: the system calls that octojobs makes for a recorded run, and nothing else; see `floor.py`.
- *APScheduler*, versions 3 and 4: see `apschedulers.py`; four threads, one date job per launch. Only with SQLite is anything recorded.
- *cronstable*: its `state` section on, `@reboot` jobs. Counted is what its store holds, from the first start it recorded to the
  last record's arrival on the disk. It starts all jobs at once: its pools of four slots, asked for hundreds of jobs at one
  instant, admitted none within a minute. Without a bound it is faster than it would be four wide.
- *yacron*: `@reboot` jobs, by the lines of its log; unbounded and without any record, too.
- *cron*, *bcron*: see `crons.py`; unbounded, without any record, and once a minute, so that each round takes one.
- *supercronic*: not measured. Neither PyPI nor Debian has it, only its own releases.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apart import keep_apart
from apschedulers import APSCHEDULERS, Burst
from crons import CRONS, Minute
from floor import floor_seconds
from loops import GROUP, loop_seconds
from obtained import Unmeasurable, environment

from octojobs.file_systems import filesystem_of

WIDTH = 4
TIMEOUT_S = 120.0
CRONSTABLE_LEAD_S = 12
"""How long it is given to read 500 jobs before they are due."""
BASE = "durable loop"
SPAWN = "spawn loop"
GROUPED = "grouped loop"


@dataclass(frozen=True)
class Result:
    """`runs` launches, each to its end, in `seconds`."""

    name: str
    runs: int
    seconds: float

    @property
    def rate(self) -> float:
        """Launches a second."""
        return self.runs / self.seconds


@dataclass(frozen=True)
class Skipped:
    """A peer that can't be measured here, and why."""

    name: str
    reason: str


Peer = Callable[[int, Path], Result]


def bare_loop(runs: int, _folder: Path) -> Result:
    """Run `true` in four threads, and nothing else."""
    started = time.perf_counter()
    with ThreadPoolExecutor(WIDTH) as pool:
        for _ in pool.map(lambda _: subprocess.run(["true"], check=True), range(runs)):
            pass  # a failing `true` raises here
    return Result("bare loop", runs, time.perf_counter() - started)


def grouped_loop(runs: int, folder: Path) -> Result:
    """As the bare loop, with a log opened per run and a journal line per end, fdatasynced every 50."""
    logs = folder / "logs"
    logs.mkdir()
    started = time.perf_counter()
    journal = os.open(folder / "journal.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def run(number: int) -> int:
        with (logs / f"{number}.log").open("ab") as log:
            return subprocess.run(["true"], stdout=log, stderr=log, check=True).returncode

    with ThreadPoolExecutor(WIDTH) as pool:
        for number, exit_code in enumerate(pool.map(run, range(runs)), 1):
            os.write(journal, json.dumps({"run": number, "at": time.time(), "exit_code": exit_code}).encode() + b"\n")
            if number % GROUP == 0:
                os.fdatasync(journal)
    os.fdatasync(journal)
    os.close(journal)
    return Result(GROUPED, runs, time.perf_counter() - started)


def durable_loop(runs: int, folder: Path) -> Result:
    """A log and a synced exit file for each run, and a journal."""
    return Result(BASE, runs, loop_seconds(runs, WIDTH, folder, durable=True))


def spawn_loop(runs: int, folder: Path) -> Result:
    """The same without any sync."""
    return Result(SPAWN, runs, loop_seconds(runs, WIDTH, folder, durable=False))


def protocol_alone(runs: int, folder: Path) -> Result:
    """What octojobs asks of the system for each run, without what it decides."""
    return Result("the protocol alone", runs, floor_seconds(runs, WIDTH, folder))


def cronstable(runs: int, folder: Path) -> Result:
    """`@reboot` jobs with durable state; counted are the records in its store."""
    command = environment("cronstable>=1.2") / "bin/cronstable"
    config = _write_jobs(folder, runs, f"state:\n  path: {folder / 'state'}\n")
    starts = _cronstable_starts(command, config, runs)
    return Result("cronstable", runs, max(path.stat().st_mtime for path in starts) - min(starts.values()).timestamp())


def cronstable_delays(count: int, folder: Path) -> list[float]:
    """Milliseconds from the due instant to the start that its store has, for so many jobs due at one second; its state is on."""
    command = environment("cronstable>=1.2") / "bin/cronstable"
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=CRONSTABLE_LEAD_S)
    schedule = f"{due.second} {due.minute} {due.hour} * * * *"  # its seventh field, the first one, is the second
    config = _write_jobs(folder, count, f"state:\n  path: {folder / 'state'}\n", f'"{schedule}"\n    utc: true')
    starts = _cronstable_starts(command, config, count).values()
    if min(starts) < due:
        raise Unmeasurable("it started before the instant")
    return [(start - due).total_seconds() * 1000 for start in starts]


def _cronstable_starts(command: Path, config: Path, runs: int) -> dict[Path, datetime]:
    """The records of so many runs, each with the start that it tells of."""
    with _daemon([str(command), "-c", str(config)], config.parent) as log:
        for _ in _lines_until(log, "exit code 0", runs):
            pass  # its end is when its records are there, which it flushes as it stops
    records = [path for path in (config.parent / "state").rglob("*.json") if "runs%2F" in path.parent.name]
    if len(records) != runs:
        raise Unmeasurable(f"{len(records)} of {runs} runs in its store")
    return {path: datetime.fromisoformat(json.loads(path.read_bytes())["data"]["started_at"]) for path in records}


def yacron(runs: int, folder: Path) -> Result:
    """`@reboot` jobs; counted are the lines of its log."""
    command = environment("yacron>=0.19") / "bin/yacron"
    config = _write_jobs(folder, runs, "")
    with _daemon([str(command), "-c", str(config)], folder) as log:
        starts = _lines_until(log, "Starting job", 1)
        started = next(starts)
        ended = max(_lines_until(log, "exit code 0", runs))
    return Result("yacron", runs, ended - started)


def _write_jobs(folder: Path, runs: int, head: str, schedule: str = '"@reboot"') -> Path:
    job = '  - name: j{0}\n    command:\n      - "true"\n    schedule: {1}\n    captureStderr: false\n'
    config = folder / "jobs.yaml"
    config.write_text(head + "jobs:\n" + "".join(job.format(number, schedule) for number in range(runs)))
    return config


@contextmanager
def _daemon(argv: Sequence[str], folder: Path) -> Iterator[Path]:
    """A scheduler in the background, its log in a file; ended at the end, with the time to flush what it has."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    try:
        yield log
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _lines_until(log: Path, text: str, count: int) -> Iterator[float]:
    """The instant at which each of the first `count` lines with the text was seen, to 5 ms."""
    deadline = time.perf_counter() + TIMEOUT_S
    with log.open() as lines:
        rest = ""
        while count > 0:
            chunk = lines.read()
            if not chunk:
                if time.perf_counter() > deadline:
                    raise Unmeasurable(f"{count} launches were missing after {TIMEOUT_S:g} s")
                time.sleep(0.005)
            *whole, rest = (rest + chunk).split("\n")
            for line in whole:
                if text in line and count > 0:
                    count -= 1
                    yield time.perf_counter()


def _timed(name: str, burst: Callable[[int, Path], Minute | Burst]) -> Peer:
    """A peer whose jobs fall due at one instant: counted from the first start to the last end."""
    return lambda runs, folder: Result(name, runs, burst(runs, folder).seconds)


PEERS: Mapping[str, Peer] = {
    BASE: durable_loop,
    SPAWN: spawn_loop,
    "bare loop": bare_loop,
    GROUPED: grouped_loop,
    "the protocol alone": protocol_alone,
    **{name: _timed(name, burst) for name, burst in APSCHEDULERS.items()},
    "cronstable": cronstable,
    "yacron": yacron,
    **{name: _timed(name, minute) for name, minute in CRONS.items()},
}
NOT_MEASURED = (Skipped("supercronic", "neither PyPI nor Debian has it, only its own releases"),)

DELAYS: Mapping[str, Callable[[int, Path], list[float]]] = {
    "cronstable": cronstable_delays,
    **{name: lambda runs, folder, burst=burst: burst(runs, folder).late_ms for name, burst in {**APSCHEDULERS, **CRONS}.items()},
}
"""Milliseconds from the due instant to each start, for so many jobs due at once."""


def measure(peers: Mapping[str, Peer], runs: int, rounds: int, folder: Path) -> tuple[dict[str, list[Result]], list[Skipped]]:
    """The results of each peer, round by round and interleaved; a peer that fails once is skipped from then on."""
    results: dict[str, list[Result]] = {}
    skipped: dict[str, Skipped] = {}
    # Nothing is deleted before the end, and what peers delete by themselves is kept apart.
    with tempfile.TemporaryDirectory(dir=folder, prefix="peers-") as all_rounds:
        keep_apart(Path(all_rounds))
        for number in range(rounds):
            for name, peer in peers.items():
                if name in skipped:
                    continue
                place = Path(all_rounds, f"{number} {name}")
                place.mkdir()
                try:
                    results.setdefault(name, []).append(peer(runs, place))
                except (Unmeasurable, subprocess.TimeoutExpired) as error:
                    skipped[name] = Skipped(name, str(error))
                    results.pop(name, None)
    return results, list(skipped.values())


def report(results: Mapping[str, Sequence[Result]], skipped: Sequence[Skipped]) -> Iterator[str]:
    """A line for each peer: its median rate, the range, and its ratio to the durable loop of the same run."""
    medians = {name: statistics.median(result.rate for result in measured) for name, measured in results.items()}
    base = medians.get(BASE)
    for name, measured in results.items():
        rates = [result.rate for result in measured]
        ratio = f"{medians[name] / base:6.2f} of the {BASE}" if base else ""
        yield f"{name:20} {medians[name]:7.0f} launches/s  ({min(rates):.0f} to {max(rates):.0f})  {ratio}"
    for one in skipped:
        yield f"{one.name:20} skipped: {one.reason}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=500, help="launches per round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where files are written")
    parser.add_argument("--only", action="append", choices=list(PEERS), help="just this peer; may be given several times")
    options = parser.parse_args()
    chosen = {name: peer for name, peer in PEERS.items() if not options.only or name in options.only}
    file_system = filesystem_of(options.folder) or "an unknown file system"
    print(f"{options.rounds} rounds of {options.runs} launches of `true`, {os.cpu_count()} cores, files on {file_system}")
    results, skipped = measure(chosen, options.runs, options.rounds, options.folder)
    for line in report(results, [*skipped, *NOT_MEASURED]):
        print(line)


if __name__ == "__main__":
    main()
