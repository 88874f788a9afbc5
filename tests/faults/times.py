"""Clocks that jump, machines that sleep, both changes of daylight saving time, and the second after which 32 bits are full."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from octojobs.actions.checkup.selftest import promises
from octojobs.core.identity import JobId
from octojobs.core.job import CommandAction, Job
from octojobs.core.when import ScheduleWhen
from tests.faults.fake_shims import Stage
from tests.faults.lives import INTERVALS, Life
from tests.faults.tally import CannotDo, Scale, Step, Tally
from tests.faults.world import beats, instants, opened
from tests.helpers import start_octojobs, wait_until

DAY_S = 86_400
STEPS_S = {"30 min": 1800, "a day": DAY_S, "10 years": 3653 * DAY_S}
LIVES_ON_S = 600
CAUGHT_UP = 100
"""The most that a job with `catch_up: all` starts at once; the others start one."""
FAKETIME = [Path("/usr/lib", machine, "faketime/libfaketime.so.1") for machine in (f"{os.uname().machine}-linux-gnu", "")]


def _live(life: Life, seconds: float, stride_s: float = 10) -> None:
    """Time passes in strides; every run ends as soon as it is seen to run."""
    for _ in range(int(seconds / stride_s)):
        life.tick(stride_s)
        while (running := life.launcher.at(Stage.RUNNING)) or life.engine.starts.unfinished:
            for shim in running:
                shim.end(0)
            life.tick()


def _stepped(tally: Tally, scale: Scale, root: Path) -> None:
    """The wall clock is set forward and back, by little and by much: never a burst, never a job that stands still."""
    orders = scale.of([list(STEPS_S)], [list(STEPS_S), list(reversed(STEPS_S)), ["10 years", "a day", "10 years"]])
    for number, order in enumerate(orders):
        life = Life(_folder(root, number), looks_up=False)
        (life.root / "open").touch()
        _live(life, LIVES_ON_S)
        for name in order:
            for sign in (1, -1):
                before = _started(life)
                life.clock.step(sign * STEPS_S[name])
                _live(life, LIVES_ON_S)
                started = _started(life) - before
                stands = sign < 0 and name == "30 min"
                tally.found(f"order {number}, {'+' if sign > 0 else '-'}{name}", [*_paced(started, stands=stands), *_settled(life)])
                tally.did("steps of the clock")
        life.engine.close()
        life.launcher.listen()


def _started(life: Life) -> Counter[str]:
    """How often each job ran, its hooks left aside."""
    return Counter(line.partition("@")[0] for line in life.effects if "+" not in line)


def _paced(started: Counter[str], *, stands: bool) -> list[str]:
    """Each job with an interval runs on, at its pace and with one run (or a hundred) to catch up; after a small step back it waits."""
    found = []
    for job, interval_s in INTERVALS.items():
        times, most = started[job], LIVES_ON_S // interval_s + 2 + (CAUGHT_UP if job == "slow" else 0)
        if times > most:
            found.append(f"{job} ran {times} times in {LIVES_ON_S} s, {most} at most were due")
        if not stands and times < LIVES_ON_S // interval_s - 2:
            found.append(f"{job} ran {times} times in {LIVES_ON_S} s")
        if stands and times > 2:
            found.append(f"{job} ran {times} times although its instants are settled")
    return found


def _settled(life: Life) -> list[str]:
    """Each instant has one outcome between two corrections of the cursor, and all code ran once."""
    found = promises.gather(life.paths)
    wrong = [*promises.no_damage(found), *promises.at_most_once(found.rows, found.open_runs, life.effects)]
    for job, interval_s in INTERVALS.items():
        stretch: list[promises.Row] = []
        for row in (*found.rows_of(job), None):
            if row is not None and not row["correction"]:
                stretch.append(row)
            elif stretch:
                open_runs = [run for run in found.open_runs if run.job == job] if row is None else []
                wrong += [f"{job}: {one}" for one in promises.one_outcome(stretch, open_runs, interval_s)]
                stretch = []
    return wrong


def _suspended(tally: Tally, scale: Scale, root: Path) -> None:
    """Ten minutes of sleep, with runs on their way: one run catches up, the rest is a row, and what ran goes on."""
    life = Life(_folder(root, 0), looks_up=False)
    (life.root / "open").touch()
    for turn in range(scale.of(2, 50)):
        life.tick(10)
        before = len(life.effects)
        life.clock.suspend(600)
        life.tick()
        tally.check(f"sleep {turn}", len(life.effects) - before <= 4, f"{len(life.effects) - before} runs at once")
        _live(life, 60)
        tally.found(f"sleep {turn}", life.violations())
        tally.did("suspends of ten minutes")
    tally.found("at the end", life.end())


def _frozen(tally: Tally, scale: Scale, root: Path) -> None:
    """A daemon is stopped (SIGSTOP) while its shims go on, and then it goes on, too."""
    with opened(root, beats(5)) as world:
        daemon = world.start("up")
        wait_until(world.is_up, 20, "the daemon to serve")
        for turn in range(scale.of(1, 10)):
            daemon.send(signal.SIGSTOP)
            threading.Event().wait(scale.of(2, 70 if turn == 0 else 5))
            daemon.send(signal.SIGCONT)
            before = len(world.effects)
            wait_until(lambda: len(world.effects) > before + 5, 20, "runs to go on")  # noqa: B023 -- it is called before the next round
            tally.did("daemons stopped and woken")
        daemon.send(signal.SIGTERM)
        tally.check("at the end", daemon.wait() == 0, f"it exits {daemon.status}")
        tally.found("at the end", [*world.settle(), *world.orphans(), *world.checked([f"beat{number}" for number in range(5)])])


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


CHANGES = {
    "spring": (
        _at("2026-03-28T12:00"),
        {
            "30 2 * * *": ["2026-03-29T01:00", "2026-03-30T00:30"],
            "0,30 2 * * *": ["2026-03-29T01:00", "2026-03-30T00:00", "2026-03-30T00:30"],
            "0,30 1-3 * * *": [
                *("2026-03-29T00:00", "2026-03-29T00:30", "2026-03-29T01:00", "2026-03-29T01:30", "2026-03-29T23:00"),
                *("2026-03-29T23:30", "2026-03-30T00:00", "2026-03-30T00:30", "2026-03-30T01:00", "2026-03-30T01:30"),
            ],
        },
    ),
    "autumn": (
        _at("2026-10-24T12:00"),
        {
            "30 2 * * *": ["2026-10-25T00:30", "2026-10-26T01:30"],
            "15 2 * * *": ["2026-10-25T00:15", "2026-10-26T01:15"],
            "0 3 * * *": ["2026-10-25T02:00", "2026-10-26T02:00"],
        },
    ),
    "2038": (
        _at("2038-01-18T12:00"),
        {"14 4 * * *": ["2038-01-19T03:14", "2038-01-20T03:14"], "0 4 * * *": ["2038-01-19T03:00", "2038-01-20T03:00"]},
    ),
}
"""Where an engine begins to live, and what falls due in Europe/Berlin within 40 hours (docs/time.md)."""


def lived_through(name: str) -> Step:
    """An engine lives through the change, tick by tick, with a daemon that dies now and then: each instant runs, once."""

    def do(tally: Tally, scale: Scale, root: Path) -> None:
        begin, expected = CHANGES[name]
        life = Life(_folder(root, 0), looks_up=False)
        life.clock.wall = begin
        jobs = {f"cron{number}": expression for number, expression in enumerate(expected)}
        life.feed.set(
            [Job(JobId(job), ScheduleWhen((text,)), CommandAction(("true",)), timezone="Europe/Berlin") for job, text in jobs.items()]
        )
        dice = scale.dice(name)
        while life.clock.now() < begin + timedelta(hours=40):
            _live(life, stride := scale.of(300, 20), stride)
            if dice.random() < 0.02:
                life.die()
                life.engine = life.opened()
                tally.did("daemons killed")
        found = promises.gather(life.paths)
        for job, text in jobs.items():
            got = [f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M}" for at in instants(found.rows_of(job))]
            tally.check(text, got == expected[text], f"it was due at {got}")
            tally.did("schedules lived through")
        tally.found(name, [*promises.at_most_once(found.rows, found.open_runs, life.effects), *promises.no_damage(found)])
        life.engine.close()
        life.launcher.listen()

    return Step(f"through {name}", do)


def _faked(tally: Tally, _: Scale, root: Path) -> None:
    """The same to a real daemon, whose clock libfaketime sets while its shims have the true one."""
    library = next((path for path in FAKETIME if path.exists()), None)
    if library is None:
        raise CannotDo("there is no libfaketime")
    stamp = root / "faketime"
    stamp.write_text("+0")
    env = {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(stamp), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with opened(root, beats(3)) as world:
        daemon = start_octojobs(world.repo, "up", **env)
        world.mine.add(daemon.pid)
        for offset in ["+0", "+30m", "+1d", "-1d", "+10y", "-10y", "+0", "-30m"]:
            replaced = stamp.with_suffix(".new")
            replaced.write_text(offset)
            replaced.rename(stamp)
            before = len(world.effects)
            if offset == "-30m":
                threading.Event().wait(5)
                tally.check(offset, len(world.effects) <= before + 3, f"{len(world.effects) - before} runs of instants that are settled")
            else:
                wait_until(lambda: len(world.effects) >= before + 5, 40, f"runs at {offset}")  # noqa: B023 -- it is called before the next round
            tally.did("steps of libfaketime")
            tally.check(offset, daemon.poll() is None, f"the daemon ended with {daemon.returncode}")
        daemon.send_signal(signal.SIGTERM)
        tally.check("at the end", daemon.wait(20) == 0, f"it exits {daemon.returncode}")
        wait_until(lambda: not world.strays(), 10, "the last runs to end")
        found = world.gather()
        tally.found("at the end", [*promises.no_damage(found), *promises.at_most_once(found.rows, found.open_runs, world.effects)])
        tally.found("at the end", promises.spoken((world.root / "repo.home/output.log").read_text(errors="replace")))


def _folder(root: Path, number: int) -> Path:
    folder = root / str(number)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def steps(scale: Scale) -> list[Step]:
    """Clocks, sleeps and changes; libfaketime, which a test machine seldom has, in the long version."""
    faked = scale.of([], [Step("libfaketime", _faked)])
    clocks = [Step("clock steps", _stepped), *faked, Step("suspends", _suspended), Step("a stopped daemon", _frozen)]
    return clocks + [lived_through(name) for name in CHANGES]
