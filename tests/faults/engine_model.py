"""The engine against the promises: ticks, ends, kills, crashes in the middle, full disks, reloads and requests, in any order."""

from __future__ import annotations

import errno
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from octojobs.core.identity import JobId
from octojobs.store.requests import Request, leave
from octojobs.store.view import view
from tests.faults.fake_shims import FakeShim, Stage
from tests.faults.lives import CRASHES, INTERVALS, JOBS, Life
from tests.faults.tally import Do, Scale, Step, Tally
from tests.store.test_model import StoreMachine

BACK = timedelta(hours=2.5)
"""How far the clock is set back in all: beyond three hours other rules hold (tests/faults/times.py)."""


class EngineMachine(RuleBasedStateMachine):
    """Whatever happens in whatever order, the promises hold after each step, and in the end everything has come to an end."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life(Path(tempfile.mkdtemp(prefix="octojobs-model-")))
        self.furthest = self.life.clock.now()

    @rule(seconds=st.sampled_from([0, 1, 5, 10, 30, 61, 300, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.life.tick(seconds)

    @precondition(lambda self: self.life.launcher.at(Stage.RUNNING))
    @rule(which=st.integers(0, 9), code=st.sampled_from([0, 0, 0, 1]), told=st.booleans())
    def a_run_ends(self, which: int, code: int, told: bool) -> None:
        self.one(which).end(code)
        if told:
            self.life.tick()

    @precondition(lambda self: self.life.launcher.at(Stage.RUNNING))
    @rule(which=st.integers(0, 9))
    def a_shim_is_killed(self, which: int) -> None:
        self.one(which).gone()

    @rule(which=st.integers(0, 9))
    def an_idle_shim_is_killed(self, which: int) -> None:
        idle = [*self.life.launcher.at(Stage.IDLE), *self.life.launcher.at(Stage.ENDED)]
        if idle:
            idle[which % len(idle)].gone()

    def one(self, which: int) -> FakeShim:
        """Some shim that runs something."""
        running = self.life.launcher.at(Stage.RUNNING)
        return running[which % len(running)]

    @rule(seconds=st.sampled_from([0, 12, 100]))
    def the_daemon_is_killed_between_two_ticks(self, seconds: int) -> None:
        self.life.die()
        self.life.clock.advance(seconds)
        self.life.engine = self.life.opened()

    @rule(where=st.sampled_from(sorted(CRASHES)), times=st.integers(1, 3), seconds=st.sampled_from([0, 10, 61]))
    def the_daemon_is_killed_in_a_tick(self, where: str, times: int, seconds: int) -> None:
        self.life.clock.advance(seconds)
        self.life.die_in_a_tick(where, times)

    @rule()
    def the_daemon_stops_and_starts(self) -> None:
        self.life.engine.close()
        self.life.launcher.listen()
        self.life.engine = self.life.opened()

    @rule(number=st.sampled_from([errno.ENOSPC, errno.EIO]), works=st.integers(0, 4), seconds=st.sampled_from([0, 10]))
    def the_disk_refuses_for_a_tick(self, number: int, works: int, seconds: int) -> None:
        self.life.clock.advance(seconds)
        self.life.tick_on_a_bad_disk(number, works)

    @rule(refuses=st.booleans())
    def the_system_has_no_room_for_processes(self, refuses: bool) -> None:
        self.life.launcher.refuses = "Resource temporarily unavailable" if refuses else ""

    @rule(seconds=st.sampled_from([-7200, -1800, -5, 5, 1800, 90000]))
    def the_clock_is_set(self, seconds: int) -> None:
        now = self.life.clock.now()
        self.furthest = max(self.furthest, now)
        if now + timedelta(seconds=seconds) > self.furthest - BACK:
            self.life.clock.step(seconds)

    @rule(job=st.sampled_from(sorted(INTERVALS)))
    def a_job_is_removed_or_returns(self, job: str) -> None:
        self.life.remove_or_return(JobId(job))

    @rule(is_open=st.booleans())
    def the_gate_is_opened_or_closed(self, is_open: bool) -> None:
        gate = self.life.root / "open"
        gate.touch()
        if not is_open:
            gate.unlink()

    @rule(kind=st.sampled_from(["run", "retry", "pause", "resume"]), job=st.sampled_from([*sorted(JOBS), None]))
    def somebody_asks(self, kind: str, job: str | None) -> None:
        leave(self.life.paths, Request(kind, self.life.clock.now(), JobId(job) if job else None, by="test"))

    @rule(which=st.integers(0, 9))
    def somebody_cancels(self, which: int) -> None:
        runs = sorted(view(self.life.paths).ledger.runs)
        if runs:
            leave(self.life.paths, Request("cancel", self.life.clock.now(), run=runs[which % len(runs)], by="test"))

    @invariant()
    def the_promises_hold(self) -> None:
        _nothing(self.life.violations())

    def teardown(self) -> None:
        _nothing(self.life.end())
        shutil.rmtree(self.life.root)


def _nothing(found: list[str]) -> None:
    if found:
        raise AssertionError("\n".join(found))


def random_lives(machine: type[RuleBasedStateMachine], short: int, long: int) -> Do:
    """So many lives of a model."""

    def do(tally: Tally, scale: Scale, _: Path) -> None:
        examples = scale.of(short, long)
        how = settings(max_examples=examples, stateful_step_count=40, deadline=None, database=None)
        try:
            run_state_machine_as_test(machine, settings=how)
        except Exception as error:  # noqa: BLE001 -- whatever it found is a violation; its notes tell the way there
            tally.found("the model", ["\n".join([repr(error), *getattr(error, "__notes__", ())])])
        tally.did("lives of 40 steps", examples)

    return do


def steps(scale: Scale) -> list[Step]:
    """The engine; the store's model, whose short lives are a test of its own, only where there is time."""
    engine = Step("engine", random_lives(EngineMachine, 30, 1000))
    return scale.of([engine], [engine, Step("store", random_lives(StoreMachine, 0, 1000))])
