"""The story of a crash: daemons are killed at random moments while jobs of every second run, and then all is counted."""

from __future__ import annotations

import random
import signal
import statistics
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from octojobs.actions.checkup.finding import Finding, ok, weak, wrong
from octojobs.actions.checkup.selftest import promises
from octojobs.actions.checkup.selftest.promises import Evidence
from octojobs.actions.checkup.selftest.theatre import BEATS, SLOW, SLOW_CODE, Failed, Theatre, built, wait_for
from octojobs.core.ledger import Ledger
from octojobs.engine.clock import Clock
from octojobs.errors import ExitCode
from octojobs.store.atomic import sync_data, write_all

SHORTEST_S, LONGEST_S = 0.05, 1.5
"""How long a daemon lives: some are killed before they are up, some in the middle of their work."""
_WRITES = 100
_SLOW_DISK_MS = 50.0
_CLOCK_S = 1.0
_MOST_SHOWN = 3

Tell = Callable[[str], None]


@dataclass
class Story:
    """What happened so far; `broken` has what must not, by the name of what was promised."""

    theatre: Theatre
    clock: Clock
    kills: int = 0
    live_ms: float = 0.0
    before: Evidence = field(default_factory=lambda: Evidence((), Ledger()))
    broken: dict[str, list[str]] = field(default_factory=dict)

    def found(self, promise: str, wrongs: list[str]) -> None:
        """Note what is wrong, if anything is."""
        if wrongs:
            self.broken.setdefault(promise, []).extend(wrongs)


def selftest(beside: Path, clock: Clock, seconds: float, tell: Tell) -> Iterator[Finding]:
    """Tell the story for about so many seconds in a folder of `beside`; `tell` hears how it goes on."""
    keep: list[str] = []
    try:
        with built(beside, keep=keep) as theatre:
            story = Story(theatre, clock)
            wall, steady = clock.now(), clock.monotonic()
            yield _disk(theatre.root, clock)
            tell("a first daemon, a second one, and a commit")
            _first_act(story)
            _kills(story, seconds, tell)
            tell("a last daemon catches up")
            _last_act(story)
            drift = (clock.now() - wall).total_seconds() - (clock.monotonic() - steady)
            seen = _counted(story)
            keep += story.broken
            yield from _judged(story, seen)
            yield _clock(drift)
    except Failed as failed:
        yield wrong("selftest", failed.what, failed.fix or "mend that, then try again")


def _disk(folder: Path, clock: Clock) -> Finding:
    """What one durable write costs: each start of jobs waits for one."""
    took = []
    with (folder / "written").open("wb") as file:
        for _ in range(_WRITES):
            started = clock.monotonic()
            write_all(file.fileno(), b"x" * 500)
            sync_data(file.fileno())
            took.append(clock.monotonic() - started)
    median = statistics.median(took) * 1000
    what = f"a durable write takes {median:.1f} ms (median of {_WRITES})"
    if median > _SLOW_DISK_MS:
        return weak("disk", what, "jobs start that much later: put the state on a quicker disk with --state-dir")
    return ok("disk", what)


def _first_act(story: Story) -> None:
    """A daemon serves, another one is refused, and a commit becomes live."""
    theatre = story.theatre
    daemon = theatre.start("up")
    if not wait_for(lambda: theatre.serves(daemon), 30):
        raise Failed(f"`octojobs up` does not come up: {theatre.said()}")
    code = theatre.octojobs("up")
    story.found("one daemon", [] if code == ExitCode.BUSY else [f"a second daemon ends with {code}"])
    commit = theatre.commit("second")
    started = story.clock.monotonic()
    live = wait_for(lambda: theatre.serves(daemon, commit), 10, 0.002)
    story.live_ms = (story.clock.monotonic() - started) * 1000
    story.found("commit is deploy", [] if live else [f"commit {commit[:7]} is not live after 10 s"])
    _kill(story, daemon)


def _kills(story: Story, seconds: float, tell: Tell) -> None:
    pause, end, told = threading.Event(), story.clock.monotonic() + seconds, 0.0
    while (now := story.clock.monotonic()) < end:
        if now - told > 10:
            told = now
            tell(f"{end - now:.0f} s of killing daemons to go, {story.kills} killed so far")
        daemon = story.theatre.start("up")
        pause.wait(random.uniform(SHORTEST_S, LONGEST_S))
        _kill(story, daemon)


def _kill(story: Story, daemon: Any) -> None:
    """As the plug does; what was recorded must be there then. `daemon` is a Popen, whose module only process.py may import."""
    if daemon.poll() is not None:
        story.found("restart", [f"a daemon ended by itself: {story.theatre.said()}"])
        return
    daemon.send_signal(signal.SIGKILL)
    daemon.wait()
    story.kills += 1
    after = promises.gather(story.theatre.paths)
    story.found("nothing lost", [*promises.nothing_lost(story.before, after), *promises.no_damage(after)])
    story.before = after


def _last_act(story: Story) -> None:
    """A daemon catches up and stops; passes without one settle what still runs."""
    theatre, now = story.theatre, story.clock.now()
    daemon = theatre.start("up")
    caught_up = wait_for(lambda: all(state.cursor >= now for state in promises.gather(theatre.paths).ledger.jobs.values()), 30, 0.1)
    story.found("restart", [] if caught_up else [f"the last daemon does not catch up: {theatre.said()}"])
    daemon.send_signal(signal.SIGTERM)
    story.found("restart", [] if daemon.wait(30) == 0 else [f"the last daemon ended badly: {theatre.said()}"])
    for _ in range(10):
        if not promises.gather(theatre.paths).open_runs:
            return
        theatre.octojobs("tick")
    story.found("one outcome", [f"{run.id} never ends" for run in promises.gather(theatre.paths).open_runs])


def _counted(story: Story) -> dict[str, str]:
    """Look at all that is left; what was seen, by the name of what was promised."""
    theatre, end = story.theatre, promises.gather(story.theatre.paths)
    story.found("nothing lost", promises.nothing_lost(story.before, end))
    for job in (*BEATS, SLOW):
        wrongs = promises.one_outcome(end.rows_of(job), [], 2 if job == SLOW else 1)
        story.found("one outcome", [f"{job}: {found}" for found in wrongs])
    story.found("at most once", promises.at_most_once(end.rows, end.open_runs, theatre.effects))
    story.found("restart", list(promises.spoken(theatre.log())))
    ran = [row for row in end.rows if row["attempts"]]
    adopted = [row for row in ran if row["job"] == SLOW]
    story.found("adopted", [f"{row['id']} {row['outcome']}: {row['reason']}" for row in adopted if row["exit_code"] != SLOW_CODE])
    story.found("adopted", [f"{row['id']} {row['outcome']}: {row['reason']}" for row in ran if row["outcome"] == "lost"])
    left = [f"a shim of {name} is left" for name in theatre.locked()] if not wait_for(lambda: not theatre.locked(), 5) else []
    story.found("nothing left", [*left, *promises.tidy(theatre.paths)])
    instants = sum(row["count"] for row in end.rows)
    return {
        "restart": f"{story.kills} daemons were killed at any moment, and each next one came up",
        "nothing lost": f"{len(end.rows)} records, all there after each kill",
        "one outcome": f"{instants} due instants, one outcome each",
        "at most once": f"{len(theatre.effects)} attempts ran their code, each once",
        "adopted": f"{len(ran)} runs, none of them lost; {len(adopted)} of a second and more, each with its exit code",
        "one daemon": "a second one is refused while one runs",
        "commit is deploy": f"a commit was live after {story.live_ms:.0f} ms",
        "nothing left": "no process, lock or temporary file",
    }


def _judged(story: Story, seen: dict[str, str]) -> Iterator[Finding]:
    for promise, what in seen.items():
        if wrongs := story.broken.get(promise):
            more = f" (and {len(wrongs) - _MOST_SHOWN} more)" if len(wrongs) > _MOST_SHOWN else ""
            fix = f"report this with {story.theatre.root}, which is kept for that"
            yield wrong(promise, "; ".join(wrongs[:_MOST_SHOWN]) + more, fix)
        else:
            yield ok(promise, what)


def _clock(drift_s: float) -> Finding:
    if abs(drift_s) < _CLOCK_S:
        return ok("clock", f"went evenly: the wall clock is off by {abs(drift_s) * 1000:.0f} ms in all that time")
    return weak("clock", f"was set by {drift_s:+.1f} s meanwhile", "instants are due by the wall clock: let NTP slew it, not step it")
