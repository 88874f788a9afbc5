"""Everything that octojobs measures, in one run: octojobs beside its peers, each figure beside its bar. See docs/benchmarks.md.

    benchmarks/run [--quick] [--only PART]... [--rounds N] [--folder FOLDER]

Exits 0 when everything could be measured, whether the bars hold or not; 1 when a measurement crashed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import day
from apart import keep_apart
from bombs import BOMBS
from daemon import commits_live, commits_start, idle_cpu, kills_adopted, saves_live, size
from engines import IDLE, WIDTH
from figures import Figure, below, percentile
from histories import asked
from obtained import Unmeasurable
from peers import BASE, DELAYS, GROUPED, NOT_MEASURED, PEERS, SPAWN, Result, measure, report
from validate import check_jsonschema, class_times, imports_ms, keep_byte_code, many_times, process_times

from octojobs import __version__
from octojobs.file_systems import filesystem_of

HERE = Path(__file__).parent
OURS = "octojobs"
FLOOR = "the protocol alone"
RIVAL = "cronstable"
MANY = 500
"""Jobs that are due in one second."""


@dataclass(frozen=True)
class Effort:
    """How much is measured: `rounds` of everything that is repeated; `quick` is a look whether it works."""

    folder: Path
    rounds: int
    quick: bool

    def fresh(self) -> Path:
        """A new folder on the file system that is measured; it stays until all is measured, and away from the others."""
        return Path(tempfile.mkdtemp(dir=self.folder))


Lines = Iterator[Figure | str]


def _engine(*args: object) -> Any:
    """What engines.py measured in a process of its own."""
    return _json("engines.py", *args)


def _json(program: str, *args: object) -> Any:
    done = subprocess.run([sys.executable, str(HERE / program), *map(str, args)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{program} {' '.join(map(str, args))}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout)


def octojobs(runs: int, folder: Path) -> Result:
    """The engine, journal, history, logs and receipts and all; from its first tick to the last row on the disk."""
    found = _engine("launches", runs, folder)
    return Result(OURS, found["runs"], found["seconds"])


def launches(effort: Effort) -> Lines:
    """Launches of `true` a second."""
    runs = 100 if effort.quick else 500
    results, skipped = measure({OURS: octojobs, **PEERS}, runs, effort.rounds, effort.folder)
    yield f"  {runs} jobs, all due at once, {WIDTH} wide; median of {effort.rounds} rounds in turns (least to most)"
    for line in report(results, [*skipped, *NOT_MEASURED]):
        yield f"  {line}"
    medians = {name: statistics.median(result.rate for result in found) for name, found in results.items()}
    for peer, bar in ((BASE, 0.7), (SPAWN, 0.35), (GROUPED, 0.25), ("cronstable", 2.0)):
        if peer in medians:
            ratio = medians[OURS] / medians[peer]
            yield Figure(f"octojobs / {peer}", f"{ratio:.2f}", f">= {bar:g}", ratio >= bar)
    if FLOOR in medians:
        yield Figure(f"octojobs / {FLOOR}", f"{medians[OURS] / medians[FLOOR]:.2f}")


def delays(effort: Effort) -> Lines:
    """From the due instant to the start of the process."""
    yield _one_due(effort)
    yield Figure(*_delays(effort, 50, 1 if effort.quick else 5, 3)[0])
    yield from _many_due(effort)
    for name, measured in DELAYS.items():
        if name != RIVAL:
            try:
                yield _late(f"{name}, {MANY} due at once", [measured(MANY, effort.fresh())])
            except (Unmeasurable, subprocess.TimeoutExpired) as reason:
                yield f"  {name}: skipped: {reason}"


def _many_due(effort: Effort) -> Lines:
    """Many jobs at one second, round by round beside the loop and the nearest peer."""
    ours, theirs, loop_ms, skipped = list[list[float]](), list[list[float]](), list[float](), ""
    for _ in range(effort.rounds):
        ours.append(_engine("delays", MANY, 1, 0, effort.fresh()))
        loop_ms.append(PEERS[BASE](MANY, effort.fresh()).seconds * 1000)
        try:
            theirs += [] if skipped else [DELAYS[RIVAL](MANY, effort.fresh())]
        except (Unmeasurable, subprocess.TimeoutExpired) as reason:
            skipped, theirs = f"  {RIVAL}: skipped: {reason}", []
    yield _late(f"{MANY} due at one second, {WIDTH} wide, {effort.rounds} times", ours)
    yield _beside(f"p99 / {BASE}'s time for {MANY}", _p99(ours), statistics.median(loop_ms), 1.5)
    if skipped:
        yield skipped
        return
    yield _late(f"{RIVAL}, {MANY} due at once, {effort.rounds} times", theirs)
    yield _beside(f"p99 / {RIVAL}'s p99", _p99(ours), _p99(theirs), 0.5)


def _p99(rounds: Sequence[Sequence[float]]) -> float:
    """The median of what each round's 99th percentile is."""
    return statistics.median(percentile(one, 99) for one in rounds)


def _late(what: str, rounds: Sequence[Sequence[float]]) -> Figure:
    """Milliseconds of each round, as the medians of its percentiles; the range of the last one."""
    p99s = [percentile(one, 99) for one in rounds]
    spread = f"  ({min(p99s):.0f} to {max(p99s):.0f})" if len(p99s) > 1 else ""
    return Figure(what, f"p50 {statistics.median(percentile(one, 50) for one in rounds):.0f} ms, p99 {_p99(rounds):.0f} ms{spread}")


def _one_due(effort: Effort) -> Figure:
    """One job at a time: its start may be 5 ms late, beside two syncs of the disk as it is meanwhile."""
    folder = effort.fresh()
    syncs = [_sync_ms(folder) for _ in range(100)]
    (what, value), ours = _delays(effort, 1, 10 if effort.quick else 100, 1)
    syncs += [_sync_ms(folder) for _ in range(100)]
    sync_ms, late_ms = statistics.median(syncs), percentile(ours, 99)
    return Figure(
        what, f"{value}, fdatasync {sync_ms:.1f} ms", f"<= 5 ms + 2 fdatasync = {5 + 2 * sync_ms:.1f}", late_ms <= 5 + 2 * sync_ms
    )


def _delays(effort: Effort, count: int, rounds: int, gap_s: int) -> tuple[tuple[str, str], list[float]]:
    """The line without a bar, and the milliseconds behind it."""
    found = _engine("delays", count, rounds, gap_s, effort.fresh())
    value = f"p50 {percentile(found, 50):.1f} ms, p99 {percentile(found, 99):.1f} ms"
    return (f"{count} due at one second, {rounds} times, {WIDTH} wide", value), found


def _beside(what: str, ours: float, theirs: float, bar: float) -> Figure:
    return Figure(what, f"{ours / theirs:.2f}  ({ours:.0f} ms / {theirs:.0f} ms)", f"<= {bar:g}", ours <= bar * theirs)


def _sync_ms(folder: Path) -> float:
    """A line appended to a journal, and brought to the disk."""
    journal = os.open(folder / "journal", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(journal, b"x" * 600)
        started = time.perf_counter()
        os.fdatasync(journal)
        return (time.perf_counter() - started) * 1000
    finally:
        os.close(journal)


def sizes(effort: Effort) -> Lines:
    """Memory (PSS) at rest, and the time from the start of `octojobs up` to its first finished tick."""
    for jobs in (10, 1_000) if effort.quick else (10, 1_000, 10_000):
        found = size(effort.fresh(), jobs)
        memory = found.daemon_mb + found.launchers_mb
        bars = ("<= 3 s", "<= 1 s", "<= 80 MB") if jobs == 10_000 else ("", "", "")
        holds = (found.ready_s <= 3, found.again_s <= 1, memory <= 80) if jobs == 10_000 else (None, None, None)
        yield Figure(f"{jobs:,} jobs, first start", f"{found.ready_s:.2f} s", bars[0], holds[0])
        yield Figure(f"{jobs:,} jobs, nothing has changed", f"{found.again_s:.2f} s", bars[1], holds[1])
        yield Figure(f"{jobs:,} jobs, memory", f"{found.daemon_mb:.0f} MB + {found.launchers_mb:.0f} MB launchers", bars[2], holds[2])


def ticks(effort: Effort) -> Lines:
    """CPU time of the tick that claims and starts one due job."""
    count = 50 if effort.quick else 500
    found = _engine("ticks", count, effort.fresh())
    few, many = (found[str(idle)] for idle in IDLE)
    for idle, spent in zip(IDLE, (few, many), strict=True):
        yield Figure(f"beside {idle:,} idle jobs", f"{spent:.2f} ms  (median of {count})")
    yield Figure("ratio", f"{many / few:.2f}", "<= 1.2", many / few <= 1.2)


def idle(effort: Effort) -> Lines:
    """CPU of `octojobs up` with nothing to do, launchers included."""
    seconds = 10 if effort.quick else 60
    for jobs in (1_000,) if effort.quick else (1_000, 10_000):
        yield below(f"{jobs:,} jobs, {seconds} s", idle_cpu(effort.fresh(), jobs, seconds), 0.1, "% of a core")


def changes(effort: Effort) -> Lines:
    """A commit, and a daemon that was killed."""
    live = commits_live(effort.fresh(), effort.rounds)
    yield below("`git commit` returns -> live", statistics.median(live), 1.0, "s", f"(most {max(live):.2f} s)")
    started = commits_start(effort.fresh(), effort.rounds)
    yield below(
        "`git commit` returns -> triggered job started",
        statistics.median(started) * 1000,
        500,
        "ms",
        f"(most {max(started) * 1000:.0f} ms)",
    )
    jobs = 1_000 if effort.quick else 10_000
    saved = saves_live(effort.fresh(), jobs, effort.rounds)
    what = f"the same, one of 20 files of {jobs // 20} jobs"
    yield below(what, statistics.median(saved) * 1000, 150, "ms", f"(most {max(saved) * 1000:.0f} ms)")
    adopted = kills_adopted(effort.fresh(), effort.rounds)
    yield below("`kill -9`, new daemon -> run adopted", statistics.median(adopted), 5.0, "s", f"(most {max(adopted):.2f} s)")


def history(effort: Effort) -> Lines:
    """Questions to a long history, whole processes; what the first one makes is used by the others."""
    runs = 50_000 if effort.quick else 1_000_000
    first, answers = asked(effort.fresh(), runs, effort.rounds)
    yield Figure(f"{runs:,} runs, the first question", f"{first:.1f} s")
    for verb, answer in answers.items():
        value = f"{answer.ms:.0f} ms, {answer.mb:.0f} MB"
        yield Figure(f"{runs:,} runs, `{verb}`", value, "<= 300 ms", answer.ms <= 300)


def definitions(effort: Effort) -> Lines:
    """Checking definitions."""
    repeat = 5 if effort.quick else 15
    try:
        imports, hook, *peers = process_times(repeat, check_jsonschema())
    except Unmeasurable as problem:
        yield f"  check-jsonschema     skipped: {problem}"
        imports, hook, *peers = process_times(repeat)
    value = f"{hook / imports:.2f}  ({hook:.0f} ms / {imports:.0f} ms)"
    yield Figure("hook, 20 jobs / bare imports of its libraries", value, "<= 1.3", hook / imports <= 1.3)
    for peer in peers:
        yield Figure(
            "hook, 20 jobs / check-jsonschema", f"{hook / peer:.2f}  ({hook:.0f} ms / {peer:.0f} ms)", "<= 0.4", hook / peer <= 0.4
        )
    made, standard = class_times()
    yield Figure("a dataclass / the standard library's", f"{made / standard:.2f}  ({made:.0f} µs / {standard:.0f} µs)")
    whole, again = many_times()
    yield below("10,000 jobs in 20 files", whole, 10, "s")
    yield Figure("again, one file of the 20 changed", f"{again * 1000:.0f} ms")


def bombs(_effort: Effort) -> Lines:
    """Files made to exhaust a YAML reader: until refused, and the memory it took."""
    for name in BOMBS:
        found = _json("bombs.py", name)
        holds = found["ms"] < 250 and found["mb"] < 100
        yield Figure(name, f"{found['ms']:.0f} ms, {found['mb']:.0f} MB", "< 250 ms, < 100 MB", holds)


def a_day(effort: Effort) -> Lines:
    """A day of `octojobs up` within an hour, its clocks running 24 times as fast; ten runs a second. Only when asked for."""
    lived = day.lived(effort.fresh(), quick=effort.quick)
    what = f"{lived.hours:g} h, {len(lived.samples)} samples after the warm-up"
    yield Figure(what, f"{lived.runs:,} runs, {lived.runs / lived.seconds:.1f} a second")
    yield from _memory_of_a_day(lived)
    for name, kind in (("descriptors, but for those of shims", "descriptors"), ("of the launcher", "launcher_descriptors")):
        first, last = day.ends(lived.values(kind))
        yield Figure(name, f"{first:g}, then {last:g}  ({_range(lived.values(kind))})", "flat", last <= first)
    yield Figure("instants and runs that are not as promised", f"{len(lived.wrong)}  (of {lived.rows:,} rows)", "0", not lived.wrong)
    yield from (f"    {wrong}" for wrong in lived.wrong[:20])
    yield Figure("folders of runs that are kept", f"{lived.folders:,}")


def _memory_of_a_day(lived: day.Day) -> Lines:
    for name, kind in (("daemon, its own pages", "daemon"), ("launcher, its own pages", "launcher")):
        values = lived.values(kind)
        first, last = day.ends(values)
        value = f"{first / 1e6:.1f} MB, then {last / 1e6:.1f} MB, {last / first - 1:+.1%}"
        yield Figure(name, value, f"< +5 %  (least squares: {day.slope(values):+.1%})", last < 1.05 * first)
    # Shims come and go with what runs at a time: this has no trend, and no bar.
    everything = [value / 1e6 for value in lived.values("everything")]
    yield Figure(f"both and {_range(lived.values('shims'))} shims, PSS", f"{min(everything):.1f} to {max(everything):.1f} MB")


def _range(values: list[int]) -> str:
    return f"{min(values)} to {max(values)}"


PARTS: Mapping[str, Callable[[Effort], Lines]] = {
    "launches": launches,
    "delays": delays,
    "sizes": sizes,
    "ticks": ticks,
    "idle": idle,
    "changes": changes,
    "history": history,
    "definitions": definitions,
    "bombs": bombs,
}
LONG: Mapping[str, Callable[[Effort], Lines]] = {"day": a_day}
"""What takes too long to be measured unasked."""


def machine(folder: Path) -> str:
    """What it was measured on; the load says whether somebody else was at work, the bare imports how fast it is."""
    file_system = filesystem_of(folder) or "an unknown file system"
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {file_system}, {system}, load {load}, bare imports {imports_ms():.0f} ms"


def main() -> int:
    """Measure and print, part by part; a part that crashes does not keep the others from being measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="little of everything, to see that it works")
    parser.add_argument("--only", action="append", choices=[*PARTS, *LONG], help="just this part; may be given several times")
    parser.add_argument("--rounds", type=int, help="how often what is repeated is repeated (default 5, quick 2)")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where files are written, hence the file system")
    options = parser.parse_args()
    keep_byte_code()
    with tempfile.TemporaryDirectory(dir=options.folder.absolute(), prefix="octojobs-bench-") as folder:
        keep_apart(Path(folder))
        return _measured(Effort(Path(folder), options.rounds or (2 if options.quick else 5), options.quick), options.only or PARTS)


def _measured(effort: Effort, parts: Iterable[str]) -> int:
    print(f"octojobs {__version__}, {datetime.now(UTC):%Y-%m-%d}{', quick' if effort.quick else ''}\n{machine(effort.folder)}")
    crashed = missed = 0
    for name in parts:
        part = {**PARTS, **LONG}[name]
        print(f"\n{name}: {part.__doc__}", flush=True)
        try:
            for line in part(effort):
                print(line, flush=True)
                missed += isinstance(line, Figure) and line.holds is False
        except Exception:  # noqa: BLE001  # whatever it was, the other parts are measured
            traceback.print_exc()
            print("  crashed", flush=True)
            crashed += 1
    print(f"\n{missed} bars missed" + (f", {crashed} parts crashed" if crashed else "") + f"; load at the end {os.getloadavg()[0]:.1f}")
    return 1 if crashed else 0


if __name__ == "__main__":
    sys.exit(main())
