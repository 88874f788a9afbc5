"""What Prometheus is told: true of the runs, bounded in its series, in a file that is whole and at an address of this machine."""

from __future__ import annotations

import http.client
import os
import socket
import stat
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families

from octojobs.core.definitions import Settings
from octojobs.core.identity import JobId
from octojobs.core.job import CommandAction, FollowUp
from octojobs.core.telemetry import MetricsSettings
from octojobs.telemetry import exposition
from octojobs.telemetry.exposition import TextFile
from octojobs.telemetry.metrics import OTHERS
from octojobs.telemetry.reporter import AGAIN_S, Reporter
from tests.engine.test_service import Loop
from tests.engine.world import World, job
from tests.helpers import wait_until

Samples = dict[tuple[str, ...], float]


def samples(text: str) -> Samples:
    """Each sample by its name and its labels' values, in the order of their names, as prometheus_client's parser reads them."""
    families = text_string_to_metric_families(text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def settings(port: int = 0, max_jobs: int = 100) -> Settings:
    """A file, and a port if one is given."""
    return Settings(metrics=MetricsSettings("octojobs.prom", 15, port, max_jobs))


@pytest.fixture
def watched(world: World) -> Callable[[], Samples]:
    """The world's loop with a reporter; call it for a turn, and for what its file says then."""
    loop = Loop(world)
    reporter = Reporter(world.engine, loop.service, world.root)

    def look() -> Samples:
        reporter.turn(world.feed.current())
        if reporter._file is not None:
            reporter._file.finish()
        world.clock.advance(15)
        reporter.turn(world.feed.current())
        if reporter._file is not None:
            reporter._file.finish()
        file = world.root / "octojobs.prom"
        return samples(file.read_text()) if file.exists() else {}

    look.reporter, look.loop = reporter, loop  # type: ignore[attr-defined]  # for the tests that end it
    return look


def ended(world: World, number: int) -> bool:
    """Whether so many have, after one more tick."""
    world.tick()
    return len(world.rows) == number


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def get(port: int, host: str = "", path: str = "/metrics") -> tuple[int, str]:
    """Ask for it over a real connection, by the name `host` or by the address."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_runs_are_counted_by_job_and_outcome_and_timed(world: World, watched: Callable[[], Samples]) -> None:
    """Successes, failures, what was skipped; durations, lateness, and when a job last succeeded."""
    tell = FollowUp(command=CommandAction("true"))
    world.declare(job("good", every=60), job("bad", "exit 3", every=60, on_failure=tell), job("idle"), settings=settings())
    watched()
    world.tick()
    world.drain()
    world.ask("pause", job=JobId("good"))
    world.tick(60)
    world.drain()
    found = watched()
    assert found["octojobs_runs_total", "good", "succeeded"] == 1
    assert found["octojobs_runs_total", "bad", "failed"] == 2
    assert found["octojobs_hooks_total", "on_failure", "succeeded"] == 2
    assert found["octojobs_run_duration_seconds_count", "bad"] == 2
    assert found["octojobs_start_lateness_seconds_count",] >= 2
    assert found["octojobs_last_success_timestamp_seconds", "good"] > 0
    assert (found["octojobs_jobs",], found["octojobs_up",], found["octojobs_starts_held",]) == (3, 1, 0)
    assert ("octojobs_last_success_timestamp_seconds", "bad") not in found


def test_open_runs_are_counted_where_they_stand(world: World, watched: Callable[[], Samples]) -> None:
    """Running and queued, by pool; those that an earlier daemon left are counted, too, and none is counted twice."""
    one = Settings(max_concurrent=1, metrics=settings().metrics)
    world.declare(job("a", "cat go", every=3600), job("b", "cat go", every=3600), settings=one)
    os.mkfifo(world.root / "go")
    world.tick()
    found = watched()
    assert (found["octojobs_open_runs", "running", "default"], found["octojobs_open_runs", "queued", "default"]) == (1, 1)
    for number in (1, 2):
        (world.root / "go").write_text("")
        wait_until(partial(ended, world, number), what="the end of a run")
    found = watched()
    assert {value for name, value in found.items() if name[0] == "octojobs_open_runs"} == {0}


def test_the_series_are_bounded(world: World, watched: Callable[[], Samples]) -> None:
    """Jobs beyond the bound share a name, and those that leave take their series along."""
    world.declare(*(job(name, every=60) for name in ("a", "b", "c", "d")), settings=settings(max_jobs=2))
    watched()
    world.tick()
    world.drain()
    counted = {name[1]: value for name, value in watched().items() if name[0] == "octojobs_runs_total"}
    assert (len(counted), counted[OTHERS], sum(counted.values())) == (3, 2, 4)
    world.declare(job("e", every=60), settings=settings(max_jobs=2))
    assert {name[1] for name in watched() if name[0] == "octojobs_runs_total"} == {OTHERS}


def test_ticks_are_timed_by_the_loop(world: World, watched: Callable[[], Samples]) -> None:
    """And the last turn is told, so that a file of a daemon that was killed shows its age."""
    world.declare(settings=settings())
    watched()
    watched.loop.go(3, rings=True)  # type: ignore[attr-defined]  # set by the fixture
    found = watched()
    assert found["octojobs_tick_duration_seconds_count",] >= 3
    assert found["octojobs_last_turn_timestamp_seconds",] == pytest.approx(world.clock.now().timestamp())


def test_the_file_is_for_everybody_and_whole_and_ends_with_the_daemon(world: World, watched: Callable[[], Samples]) -> None:
    """No temporary file is left, the mode does not hang on the umask, and the last word is that the daemon is down."""
    world.declare(settings=settings())
    before = os.umask(0o077)
    try:
        assert watched()["octojobs_up",] == 1
    finally:
        os.umask(before)
    file = world.root / "octojobs.prom"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    watched.reporter.close()  # type: ignore[attr-defined]  # set by the fixture
    assert samples(file.read_text())["octojobs_up",] == 0
    assert [path.name for path in world.root.glob("*.prom*")] == ["octojobs.prom"]
    assert list(world.root.glob(".*.prom*")) == []


def test_a_file_that_can_not_be_written_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is tried again, and the loop goes on."""
    registry = CollectorRegistry()
    Gauge("a", "b", registry=registry)
    file = TextFile(tmp_path / "gone/x.prom", 15)
    for now in (0, 5, 15, 30):
        file.turn(registry, now)
        file.finish()
    assert caplog.messages == [f"{tmp_path}/gone/x.prom can't be written: No such file or directory"]
    (tmp_path / "gone").mkdir()
    file.turn(registry, 45)
    file.finish()
    assert samples((tmp_path / "gone/x.prom").read_text()) == {("a",): 0}


def test_the_port_answers_this_machine_alone(world: World, watched: Callable[[], Samples]) -> None:
    """A real GET; a page in a browser that calls this machine by its own name gets nothing."""
    port = free_port()
    world.declare(settings=settings(port))
    watched()
    try:
        status, text = get(port)
        assert (status, samples(text)["octojobs_up",]) == (200, 1)
        assert get(port, host=f"localhost:{port}")[0] == 200
        assert get(port, host="rebound.example.org")[0] == 403
        with socket.socket() as probe, pytest.raises(OSError, match="refused"):
            probe.connect(("127.0.0.2", port))
    finally:
        watched.reporter.close()  # type: ignore[attr-defined]  # set by the fixture
    with pytest.raises(ConnectionRefusedError):
        get(port)


def test_who_asks_for_nothing_is_not_waited_for(
    world: World, watched: Callable[[], Samples], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Connections that say nothing would use up the daemon's descriptors, which its jobs need."""
    monkeypatch.setattr(exposition, "PATIENCE_S", 0.1)
    port = free_port()
    world.declare(settings=settings(port))
    watched()
    try:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as silent:
            assert silent.recv(1) == b""
        assert get(port)[0] == 200
    finally:
        watched.reporter.close()  # type: ignore[attr-defined]  # set by the fixture
    assert capfd.readouterr().err == ""


def test_a_port_that_somebody_has_is_tried_again(world: World, watched: Callable[[], Samples], caplog: pytest.LogCaptureFixture) -> None:
    """The daemon runs without it meanwhile, and says so once."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        world.declare(settings=settings(port))
        watched()
        world.clock.advance(AGAIN_S)
        watched()
    assert caplog.messages.count(f"metrics can't be had at port {port}: Address already in use; it is tried again every 30 s") == 1
    world.clock.advance(AGAIN_S)
    watched()
    try:
        assert get(port)[0] == 200
    finally:
        watched.reporter.close()  # type: ignore[attr-defined]  # set by the fixture


def test_a_commit_begins_and_ends_them(world: World, watched: Callable[[], Samples]) -> None:
    """Settings without metrics import nothing, write nothing and time nothing."""
    world.declare(job("a"), settings=Settings())
    assert watched() == {}
    assert world.engine.recorder._observers == []
    world.declare(job("a"), settings=settings())
    assert watched()["octojobs_jobs",] == 1
    (world.root / "octojobs.prom").unlink()
    world.declare(job("a"), settings=Settings())
    assert watched() == {}
    assert world.engine.recorder._observers == []


def test_a_missing_library_is_told_with_the_remedy(
    world: World, watched: Callable[[], Samples], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon goes on without metrics."""
    for name in ("octojobs.telemetry.exposition", "octojobs.telemetry.metrics"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    world.declare(settings=settings())
    assert watched() == {}
    assert caplog.messages == ["there are no metrics: prometheus-client is not installed: `pip install 'octojobs[metrics]'`"]
