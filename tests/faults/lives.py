"""An engine with a fake clock and fake shims, a real store, and every way for its daemon to die: what the model of it lives in."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from octojobs.actions.checkup.selftest import promises
from octojobs.core.definitions import Settings
from octojobs.core.guards import Condition
from octojobs.core.identity import JobId
from octojobs.core.job import CatchUp, CommandAction, FollowUp, Job, Overlap, RetryPolicy
from octojobs.core.run import Phase
from octojobs.core.when import IntervalWhen, ManualWhen
from octojobs.engine.engine import Engine
from octojobs.engine.ground import Ground
from octojobs.engine.recorder import Recorder
from octojobs.engine.starter import Starter
from octojobs.runners import receipts
from octojobs.runners.base import Shim
from octojobs.store.paths import StatePaths
from octojobs.store.requests import Request, leave
from octojobs.store.store import Store
from octojobs.store.view import view
from tests.fakes import START, FakeClock, StaticFeed
from tests.faults.fake_shims import FakeLauncher, Stage

INTERVALS = {"beat": 10, "slow": 30, "gated": 20, "twin": 15}
ROOM = 3


TELL = FollowUp(command=CommandAction(("tell",)))


def _job(name: str, **fields: object) -> Job:
    when = IntervalWhen(INTERVALS[name]) if name in INTERVALS else ManualWhen()
    return replace(Job(JobId(name), when, CommandAction(("true",))), **fields)  # type: ignore[arg-type]  # fields of Job


JOBS = {
    job.id: job
    for job in (
        _job("beat", retries=RetryPolicy(max=2, delay_s=5, on=("failed", "lost"))),
        _job("slow", overlap=Overlap.QUEUE_ONE, catch_up=CatchUp.ALL, on_failure=TELL, on_start=TELL),
        _job("gated", conditions=(Condition("file_exists", {"path": "open"}),), pause_after=2),
        _job("twin", overlap=Overlap.ALLOW, max_instances=2, on_success=FollowUp(run=JobId("hand"))),
        _job("hand", overlap=Overlap.QUEUE_ALL),
    )
}


class Died(BaseException):
    """The daemon was killed here."""


CRASHES: dict[str, tuple[object, str, bool]] = {
    "before a record": (Recorder, "flush", True),
    "after a record": (Recorder, "flush", False),
    "before a hand-over": (Shim, "start", True),
    "after a hand-over": (Shim, "start", False),
    "before a word to a shim": (Shim, "recorded", True),
    "before a fence": (receipts, "fence", True),
    "after a fence": (receipts, "fence", False),
    "before a folder": (os, "mkdir", True),
    "after a folder": (os, "mkdir", False),
    "before a request goes": (os, "unlink", True),
}


class Life:
    """One repository's engine through all its daemons, and what the promises say of it."""

    def __init__(self, root: Path, *, looks_up: bool = True) -> None:
        """With `looks_up` each start is looked up in the journal, which a long life makes long."""
        self.root = root
        self._looks_up = looks_up
        self.clock = FakeClock()
        self.feed = StaticFeed()
        self.paths = StatePaths(root / "state")
        self.effects: list[str] = []
        self.wrong: list[str] = []
        self.gone: dict[JobId, list[tuple[datetime, datetime | None]]] = {}
        self.launcher = FakeLauncher(self.clock, self._started)
        self.feed.set(JOBS.values(), Settings(max_concurrent=ROOM))
        self.engine = self.opened()
        self.before = promises.gather(self.paths)

    def opened(self) -> Engine:
        """A daemon starts; that never fails."""
        ground = Ground(self.root, self.paths, self.clock, {}, "salt")
        starter = Starter(ground, self.launcher)  # type: ignore[arg-type]  # it does all that a launcher is asked for
        return Engine(ground, Store.open(self.paths, self.clock.now), self.feed, starter)

    def _started(self, env: dict[str, str]) -> None:
        """The user's code begins: by now that is on disk (P1)."""
        run, attempt = env["OCTOJOBS_RUN_ID"], env["OCTOJOBS_ATTEMPT"]
        self.effects.append(f"{run} {attempt}")
        if not self._looks_up:
            return
        recorded = next((one for one in view(self.paths).ledger.runs.values() if one.id == run), None)
        if recorded is None or recorded.phase is not Phase.RUNNING or str(recorded.attempt) != attempt:
            self.wrong.append(f"{run} attempt {attempt} runs and is recorded as {recorded}")

    def tick(self, seconds: float = 0) -> None:
        """Time passes, the engine ticks, the shims take in what they were sent."""
        self.clock.advance(seconds)
        self.engine.tick()
        self.noticed()

    def noticed(self) -> None:
        """The definitions of now were seen by a tick."""
        jobs = self.feed.current().jobs
        back = [spans for job, spans in self.gone.items() if spans[-1][1] is None and job in jobs and self._is_known(job)]
        for spans in back:
            spans[-1] = (spans[-1][0], self.clock.now())
        self.launcher.listen()

    def _is_known(self, job: JobId) -> bool:
        """Whether the job is on disk as one that is there."""
        state = view(self.paths).ledger.jobs.get(job)
        return state is not None and state.absent_since is None

    def remove_or_return(self, job: JobId) -> None:
        """The job leaves the definitions, or comes back."""
        jobs = dict(self.feed.current().jobs)
        if job in jobs:
            del jobs[job]
            # What no daemon has planned by now was due while the job was declared, and yet it is none: nobody will have seen it.
            state = view(self.paths).ledger.jobs.get(job)
            self.gone.setdefault(job, []).append((state.cursor if state else START - timedelta(hours=3), None))
        else:
            jobs[job] = JOBS[job]
        self.feed.set(jobs.values())

    def die_in_a_tick(self, where: str, times: int) -> None:
        """SIGKILL at the so-many-th time that a tick comes to one of CRASHES, at its end if it never does; then another daemon."""
        owner, name, early = CRASHES[where]
        real, left = getattr(owner, name), [times]

        def dies(*args: object, **named: object) -> object:
            left[0] -= 1
            if early and not left[0]:
                raise Died
            result = real(*args, **named)
            if not left[0]:
                raise Died
            return result

        with patch.object(owner, name, dies), suppress(Died):
            self.engine.tick()
        self.noticed()
        self.die()
        self.engine = self.opened()

    def die(self) -> None:
        """What the kernel does at SIGKILL: descriptors close, locks go, nothing is written."""
        engine = self.engine
        self.launcher.near_ends_close()
        engine.running._shims.clear()
        engine.running.close()
        engine.store._journal.close()
        engine.store._history.close()
        engine.store._lock._lock.release()
        self.launcher.listen()

    def tick_on_a_bad_disk(self, number: int, works: int) -> None:
        """So many writes, syncs and new folders go well, and then none in this tick."""
        left = [works]

        def failing(real: Callable[..., object]) -> Callable[..., object]:
            def fails(*args: object) -> object:
                left[0] -= 1
                if left[0] < 0:
                    raise OSError(number, os.strerror(number))
                return real(*args)

            return fails

        with ExitStack() as broken:
            for call in ("fsync", "fdatasync", "write", "mkdir"):
                broken.enter_context(patch.object(os, call, failing(getattr(os, call))))
            self.engine.tick()
        self.noticed()

    def violations(self) -> list[str]:
        """What was recorded stays, code runs at most once and not beside itself, and each due instant has one outcome."""
        before, found = self.before, promises.gather(self.paths)
        self.before = found
        wrong = [*promises.nothing_lost(before, found), *promises.no_damage(found), *self.wrong]
        wrong += [*promises.at_most_once(found.rows, found.open_runs, self.effects), *self._crowded()]
        wrong += self._begun_once(found)
        for job, interval_s in INTERVALS.items():
            open_runs = [run for run in found.open_runs if run.job == job]
            silent = promises.one_outcome(found.rows_of(job), open_runs, interval_s)
            wrong += [f"{job}: {one}" for one in silent if not self._was_gone(job, one)]
        return wrong

    def _crowded(self) -> list[str]:
        """More runs than there is room for, in the pool or of one job."""
        every = [shim.spec["env"] for shim in self.launcher.at(Stage.RUNNING)]
        running = [env for env in every if not env["OCTOJOBS_RUN_ID"].endswith("+on_start")]  # beside the run that they follow
        jobs = Counter(env["OCTOJOBS_JOB"] for env in running if "+" not in env["OCTOJOBS_RUN_ID"])
        found = [f"{times} runs of {job} at once" for job, times in jobs.items() if times > JOBS[JobId(job)].max_instances]
        return found + ([f"{len(running)} runs at once"] if len(running) > ROOM else [])

    def _begun_once(self, found: promises.Evidence) -> list[str]:
        """Each run whose code began has had its `on_start` once by its end, whoever died in between; no other run has one.

        Of one that is lost nobody knows whether it began: a fence that a full disk kept from being finished looks the same.
        """
        hooks = Counter([*(row["id"] for row in found.rows), *(run.id for run in found.open_runs)])
        began = {line.split()[0] for line in self.effects}
        wrong = []
        for row in found.rows_of("slow"):
            if row["cause"] is not None and "+" not in row["id"]:
                had, due = hooks[f"{row['id']}+on_start"], int(row["id"] in began)
                if had != due and (had > 1 or row["outcome"] != "lost"):
                    wrong.append(f"{row['id']} has {had} on_start and not {due}")
        return wrong

    def _was_gone(self, job: str, wrong: str) -> bool:
        """Whether the instant lies in a time in which the job was not declared, so that it was none; or there is none yet."""
        if not wrong.endswith("has no outcome"):
            return wrong.startswith("no due instant")
        at = datetime.fromisoformat(wrong.split()[2])
        return any(begin - timedelta(seconds=1) <= at and (end is None or at <= end) for begin, end in self.gone.get(JobId(job), ()))

    def end(self) -> list[str]:
        """The world is kind again, and everything comes to an end; what is wrong then."""
        self.launcher.refuses = ""
        (self.root / "open").touch()
        self.tick()  # what was asked for last is done before it is undone: requests of one instant come in no order
        self.feed.set([])
        for job in (None, *JOBS):
            known = job in self.engine.store.ledger.jobs
            leave(self.paths, Request("resume", self.clock.now(), job if known else None, by="test"))
        for _ in range(200):
            self.tick(61)
            for shim in self.launcher.at(Stage.RUNNING):
                shim.end(0)
            if not self.engine.store.ledger.runs:
                break
        self.tick(61)
        self.engine.close()
        self.launcher.listen()
        left = [f"a shim is left, {shim.stage}" for shim in self.launcher.shims if shim.stage is not Stage.GONE]
        never = [f"{run.id} never ends, and is {run.phase} until {run.not_before}" for run in promises.gather(self.paths).open_runs]
        return [*never, *self.violations(), *promises.tidy(self.paths), *left]
