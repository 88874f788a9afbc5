"""P3: the user's code starts at most once per (job, due, attempt), whoever is slow, killed or in a hurry."""

from __future__ import annotations

import threading

from octojobs import platform
from octojobs.runners import receipts
from tests.helpers import wait_until
from tests.runners.world import Launched, World, is_over, shell, world

__all__ = ["world"]

RACES = 50


def test_of_a_fence_and_a_slow_shim_exactly_one_wins(world: World) -> None:
    """A daemon that takes over fences runs without `started`, while their shims' gates are already open."""
    specs = [world.spec(*shell("echo ran >>$0/ran")) for _ in range(RACES)]
    specs = [world.spec(*shell(f"echo ran >>{spec.run_dir}/ran")) for spec in specs]
    shims = [Launched(spec, shim) for spec, shim in zip(specs, world.fork(RACES), strict=True)]
    fenced: dict[int, bool] = {}

    def fence(number: int) -> None:
        line.wait()
        fenced[number] = receipts.fence(specs[number].run_dir)

    def open_gate(shim: Launched) -> None:
        line.wait()
        shim.open()

    for number, shim in enumerate(shims):
        line = threading.Barrier(2)
        pair = [threading.Thread(target=fence, args=(number,)), threading.Thread(target=open_gate, args=(shim,))]
        for thread in pair:
            thread.start()
        for thread in pair:
            thread.join()
    for number, shim in enumerate(shims):
        wait_until(lambda shim=shim: is_over(shim))  # type: ignore[misc]  # a lambda's default says which shim
        ran = receipts.read_exit(specs[number].run_dir) is not None
        assert ran != fenced[number]
    assert len(fenced) == RACES


def test_a_fenced_run_never_starts_however_late_its_gate_opens(world: World) -> None:
    """The fence stands before the gate: the shim sees it and exits."""
    launched = world.gated(world.spec(*shell("touch ran")))
    assert receipts.fence(launched.launch.run_dir)
    launched.open()
    wait_until(lambda: is_over(launched))
    assert not (world.root / "ran").exists()
    assert receipts.read_exit(launched.launch.run_dir) is None


def test_two_shims_for_one_attempt_run_it_once(world: World) -> None:
    """A launcher that answered too late was replaced: both its shim and the new one may come to the same folder."""
    spec = world.spec(*shell("echo ran >>ran"))
    first, second = world.gated(spec), world.gated(spec)
    first.open()
    second.open()
    wait_until(lambda: is_over(first) and is_over(second))
    assert (world.root / "ran").read_text() == "ran\n"
    found = receipts.read_exit(spec.run_dir)
    assert found is not None
    assert found.exit_code == 0


def test_an_abandoned_attempt_can_be_fenced_and_the_next_one_runs(world: World) -> None:
    """Provably never started: no `started` on this boot, and we made it ourselves."""
    spec = world.spec(*shell("echo ran >>ran"))
    world.gated(spec).abandon()
    wait_until(lambda: not receipts.is_live(spec.run_dir))
    assert receipts.fence(spec.run_dir)
    following = world.spec(*spec.argv)
    assert world.finish(following).exit_code == 0
    assert (world.root / "ran").read_text() == "ran\n"


def test_an_adopted_run_is_known_by_more_than_its_pid(world: World) -> None:
    """Start ticks and boot id: a later process with the same pid is nobody's run."""
    launched = world.gated(world.spec("true"))
    known = launched.process
    assert (known.start_ticks > 0, known.boot_id) == (True, platform.boot_id())
    assert platform.is_alive(known)
    launched.abandon()
    wait_until(lambda: is_over(launched))
    assert platform.open_pidfd(known) is None
