"""Intervals that follow activity, by a real engine on a clock that the test moves."""

from __future__ import annotations

from datetime import datetime, timedelta

from octojobs.core.when import ActivityWhen
from octojobs.store.activity import touch_activity
from tests.engine.world import World, job
from tests.fakes import START

PACED = ActivityWhen(30, 120, 300, quiet=None)
MINUTE = 60.0


def started(world: World) -> list[str]:
    """The due instants of what has run so far, as minutes and seconds from the beginning."""
    world.drain()
    return [_since_start(row.due) for row in world.rows if row.run is not None and row.job == "paced"]


def _since_start(at: datetime) -> str:
    minutes, seconds = divmod(round((at - START).total_seconds()), 60)
    return f"{minutes}:{seconds:02}"


def live(world: World, minutes: float, every: float = 30) -> None:
    """A tick now, and one every so many seconds of the time that passes; each run comes to its end."""
    world.tick()
    world.drain()
    for _ in range(round(minutes * MINUTE / every)):
        world.tick(every)
        world.drain()


def test_a_job_follows_what_happens_and_slows_down_by_itself(world: World) -> None:
    """Every 5 min while nobody is there, every 30 s for ten minutes after something happened, then every 2 min."""
    world.declare(job("paced", when=PACED))
    live(world, 6)
    assert started(world) == ["0:00", "5:00"]
    touch_activity(world.paths, world.clock.now())
    live(world, 14, every=10)
    rest = started(world)[2:]
    assert (rest[:3], rest[18:]) == (["6:00", "6:30", "7:00"], ["15:00", "15:30", "17:30", "19:30"])


def test_what_falls_due_does_not_depend_on_when_one_looks(world: World) -> None:
    """A daemon that looks each second, and one that looks once in twenty."""
    world.declare(job("paced", when=PACED))
    touch_activity(world.paths, world.clock.now())
    live(world, 2, every=1)
    live(world, 2, every=20)
    assert started(world) == ["0:00", "0:30", "1:00", "1:30", "2:00", "2:30", "3:00", "3:30", "4:00"]


def test_its_own_runs_keep_no_job_awake_and_those_of_others_do(world: World) -> None:
    """The end of a run of any other job is an activity."""
    world.declare(job("paced", when=PACED), job("other"))
    live(world, 6)
    assert not world.paths.last_activity.exists()
    world.ask("run", job="other")
    world.tick()
    world.drain()
    assert world.paths.last_activity.stat().st_mtime == world.clock.now().timestamp()
    live(world, 1)
    assert started(world) == ["0:00", "5:00", "6:00", "6:30", "7:00"]


def test_the_pace_survives_a_restart(world: World) -> None:
    """The anchors stand in the state, the last activity in its file."""
    world.declare(job("paced", when=PACED))
    touch_activity(world.paths, world.clock.now())
    live(world, 1.5)
    world.stop()
    world.clock.advance(15)
    world.start()
    live(world, 1, every=5)
    assert started(world) == ["0:00", "0:30", "1:00", "1:30", "2:00", "2:30"]


def test_quiet_hours_hold_whatever_happens(world: World) -> None:
    """START is 10 o'clock: an hour that is quiet here."""
    world.declare(job("paced", when=ActivityWhen(30, 120, 300, quiet=(600, 660))))
    touch_activity(world.paths, world.clock.now())
    live(world, 6)
    assert started(world) == ["0:00", "5:00"]


def test_an_activity_wakes_the_loop(world: World) -> None:
    """It is looked for as files are: there is a tick for it before anything is due."""
    world.declare(job("paced", when=PACED))
    world.tick()
    world.drain()
    assert not world.engine.has_news()
    world.clock.advance(61)
    touch_activity(world.paths, world.clock.now())
    assert world.engine.has_news()
    assert world.engine.wake_at() == START + timedelta(minutes=5)
    world.engine.tick()
    assert not world.engine.has_news()
    assert [_since_start(run.due) for run in world.runs()] == ["1:01"]
    world.drain()


def test_without_such_a_job_nobody_looks_for_activity(world: World) -> None:
    """A link in the file's place would be told of otherwise."""
    world.declare(job("other", every=60))
    world.tick()
    world.drain()
    world.paths.last_activity.unlink()
    world.paths.last_activity.symlink_to(world.paths.last_activity)
    assert not world.engine.has_news()
    world.tick(60)
    world.drain()
    assert len(world.rows) == 2
