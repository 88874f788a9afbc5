"""A run's output on disk: bytes as they were written, bounded by `max_output`, secrets masked."""

from __future__ import annotations

import re

from octojobs.core.run import Outcome
from octojobs.runners import receipts
from tests.helpers import wait_until
from tests.runners.world import World, limits, output, python, result_of, shell, world

__all__ = ["world"]

MARKER = re.compile(rb"\n\[octojobs: +(\d+) bytes are left out here\]\n")


def test_any_bytes_are_kept_as_they_are(world: World) -> None:
    """NUL bytes, invalid UTF-8, a line of 9 MB: nothing is interpreted."""
    program = "import sys; sys.stdout.buffer.write(b'\\0\\xff\\x1b[31m' + b'x' * 9_000_000)"
    found, log = world.run(*python(program))
    assert (found.outcome, found.output_bytes, found.truncated) == (Outcome.SUCCEEDED, 9_000_007, False)
    assert log == b"\0\xff\x1b[31m" + b"x" * 9_000_000


def test_too_much_output_keeps_its_head_and_tail_and_marks_the_gap(world: World) -> None:
    """The counts add up: what is left out is said, what is kept is the true beginning and the true end."""
    program = "for n in range(300_000): print(f'{n:09d}')"
    found, log = world.run(*python(program), limits=limits(max_output=100_000))
    assert (found.outcome, found.truncated) == (Outcome.SUCCEEDED, True)
    assert 2_900_000 < found.output_bytes <= 3_000_000  # what is written in the very moment of a cut goes unseen
    assert len(log) <= 100_000 + 100
    marker = MARKER.search(log)
    assert marker is not None
    head, tail = log[: marker.start()], log[marker.end() :]
    assert head == b"".join(b"%09d\n" % n for n in range(5_000))
    assert tail.endswith(b"000299998\n000299999\n")
    assert len(tail) >= 25_000
    assert len(head) + len(tail) + int(marker[1]) == found.output_bytes


def test_an_endless_stream_is_bounded_while_it_flows(world: World) -> None:
    """`yes` for a second wrote many times what is kept; the run ends by its timeout."""
    launched = world.start(world.spec("yes", "0123456789", limits=limits(timeout_s=1.0, max_output=1_000_000)))
    found = result_of(launched)
    assert (found.outcome, found.truncated) == (Outcome.TIMED_OUT, True)
    assert found.output_bytes > 10 * max(len(output(launched.launch)), 1)
    assert len(output(launched.launch)) < 1_000_200
    assert output(launched.launch).startswith(b"0123456789\n" * 1000)
    assert output(launched.launch).endswith(b"still running after 1 s]\n")


def test_no_output_at_all_may_be_kept(world: World) -> None:
    """`max_output: 0` leaves the marker alone."""
    found, log = world.run(*shell("echo hello"), limits=limits(max_output=0))
    assert (found.truncated, found.output_bytes) == (True, 6)
    assert MARKER.fullmatch(log)


def test_secrets_are_masked_in_the_stored_output(world: World) -> None:
    """In place, byte for byte; in the job's result file too. Values under four characters would ruin the log and stay."""
    job = shell('echo "token=$TOKEN, again $TOKEN; $SHORT"; echo "{\\"seen\\": \\"$TOKEN\\"}" >result.json')
    launch = world.spec(*job, secrets=("TOKEN", "SHORT"), env={"TOKEN": "hunter22!", "SHORT": "a"})
    assert world.finish(launch).outcome is Outcome.SUCCEEDED
    assert output(launch) == b"token=*********, again *********; a\n"


def test_a_secret_in_the_result_is_masked(world: World) -> None:
    """What the job leaves as its result is stored, too."""
    launch = world.spec(*shell('printf \'{"seen": "%s"}\' "$TOKEN" >"$OCTOJOBS_RESULT"'), secrets=("TOKEN",), env={"TOKEN": "hunter22"})
    launch = type(launch)(
        launch.run_dir,
        launch.argv,
        {**launch.env, "OCTOJOBS_RESULT": f"{launch.run_dir}/result.json"},
        launch.cwd,
        launch.limits,
        ("TOKEN",),
    )
    assert world.finish(launch).outcome is Outcome.SUCCEEDED
    assert receipts.read_result(launch.run_dir) == {"seen": "********"}


def test_a_secret_across_many_writes_and_a_cut_is_masked(world: World) -> None:
    """Wherever it falls: over the border of a chunk, before and after `max_output` took something out."""
    program = "import os,sys\nfor n in range(40000): sys.stdout.write('x' * (n % 7) + os.environ['TOKEN'])\nsys.stdout.flush()"
    for bound in (10_000_000, 50_000):
        launch = world.spec(*python(program), secrets=("TOKEN",), env={"TOKEN": "0123456789abcdef"}, limits=limits(max_output=bound))
        assert world.finish(launch).outcome is Outcome.SUCCEEDED
        assert b"0123456789abcdef" not in output(launch)
        assert b"*" * 16 in output(launch)


def test_a_running_job_shows_masked_output_soon(world: World) -> None:
    """Masking doesn't wait for the end, since `logs -f` doesn't either."""
    job = shell('echo "$TOKEN"; while [ ! -e go ]; do sleep 0.01; done')
    launched = world.start(world.spec(*job, secrets=("TOKEN",), env={"TOKEN": "hunter22"}))
    log = launched.launch.run_dir / "output.log"
    wait_until(lambda: log.exists() and log.read_bytes() == b"********\n")
    (world.root / "go").touch()
    assert result_of(launched).outcome is Outcome.SUCCEEDED


def test_secrets_are_in_no_receipt(world: World) -> None:
    """Neither in the reason, when they stood in a command that can't be found, nor among what has escaped."""
    launch = world.spec("no-such-hunter22", secrets=("TOKEN",), env={"TOKEN": "hunter22"})
    found = world.finish(launch)
    assert found.exit_code == 127
    assert {path.name for path in launch.run_dir.iterdir()} == {"live", "started", "output.log", "exit.json"}
    assert all(b"hunter22" not in path.read_bytes() for path in launch.run_dir.iterdir())
