"""What a run has come to goes to the channel that its job names, once, however it ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.channel import Channel
from octojobs.core.definitions import Settings
from octojobs.core.job import Notify, RetryPolicy
from tests.engine.world import World, job

OPS = Settings(channels={"ops": Channel("ops", file="told.jsonl")})


def told(file: Path) -> list[dict[str, Any]]:
    """The messages in the file, oldest first."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_a_run_that_has_ended_tells_its_result(world: World) -> None:
    """The end of its output, where it left no result; each run its own, also the second success."""
    world.declare(job("audit", "echo all is well", every=60, output="ops:ada"), settings=OPS)
    for seconds in (0, 60):
        world.tick(seconds)
        world.drain()
    world.stop()
    first, second = told(world.root / "told.jsonl")
    assert (first["event"], first["title"], first["status"], first["body"]) == ("output", "audit completed", "success", "all is well")
    assert (first["channel"], first["to"], first["id"]) == ("ops:ada", "ada", f"{first['run']}/output/ops:ada")
    assert first["run"] != second["run"]


@pytest.mark.parametrize(
    ("left", "body"),
    [('"three tickets"', "three tickets"), ('{"text": "the answer", "cost_usd": 1}', "the answer"), ('{"open": 3}', '{"open": 3}')],
)
def test_the_result_that_a_job_left_is_what_is_told(world: World, left: str, body: str) -> None:
    """A text, the answer of an agent, or any other value as JSON."""
    world.declare(job("audit", f"echo noise; printf %s '{left}' > $OCTOJOBS_RESULT", every=60, output="ops"), settings=OPS)
    world.tick()
    world.drain()
    world.stop()
    (message,) = told(world.root / "told.jsonl")
    assert message["body"] == body


def test_a_run_that_failed_tells_so_once_it_is_not_tried_again(world: World) -> None:
    """With its reason and the end of its output; also where failures are notices of their own."""
    fields = {"retries": RetryPolicy(max=1, delay_s=5), "notify": Notify(("failed",), ("ops",))}
    world.declare(job("audit", "echo no ink; exit 3", every=3600, output="ops", **fields), settings=OPS)
    world.tick()
    world.drain()
    world.tick(10)
    world.drain()
    world.stop()
    result, notice = told(world.root / "told.jsonl")
    assert (result["event"], result["title"], result["status"]) == ("output", "audit failed", "failed")
    assert result["body"].endswith("no ink")
    assert notice["event"] == "failed"


def test_a_skipped_run_has_no_result(world: World) -> None:
    """It has done nothing."""
    world.declare(job("audit", "exit 0", every=60, output="ops"), settings=OPS)
    world.ask("pause")
    world.tick()
    world.tick(60)
    world.stop()
    assert told(world.root / "told.jsonl") == []


def test_a_result_is_told_once_over_restarts(world: World) -> None:
    """What the outbox has, no daemon reads again."""
    world.declare(job("audit", "exit 0", every=3600, output="ops"), settings=OPS)
    world.tick()
    world.drain()
    world.restart()
    world.tick()
    world.stop()
    assert len(told(world.root / "told.jsonl")) == 1


def test_a_result_for_a_channel_that_nobody_declared_is_kept_in_the_state_folder(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """And told in the log: whoever embeds octojobs has no settings."""
    caplog.set_level("INFO", "octojobs.notify")
    world.declare(job("audit", "echo all is well", every=3600, output="kode-chat:../ada"))
    world.tick()
    world.drain()
    world.stop()
    (message,) = told(world.paths.root / "outbox/kode-chat----ada.jsonl")
    assert (message["channel"], message["body"]) == ("kode-chat:../ada", "all is well")
    assert "kode-chat:../ada: audit completed: all is well" in caplog.text
