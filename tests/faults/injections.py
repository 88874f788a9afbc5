"""Systematic kills and errors: at the k-th call of each kind, for k = 1 until a pass goes through without being hit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from octojobs import platform
from tests.faults.tally import CannotDo, Scale, Step, Tally
from tests.faults.world import EFFECT, World, opened
from tests.helpers import wait_until

CALLS = {
    "openat": "openat",
    "write": "write,pwrite64",
    "fsync": "fsync,fdatasync",
    "rename": "rename,renameat,renameat2",
    "mkdir": "mkdir,mkdirat",
    "clone": "clone,clone3,fork,vfork",
}
SHORT_KILLS = ("openat", "write", "fsync", "fdatasync", "rename", "mkdir", "any clone")
"""What the short version kills at; which of the last kind is called, the C library chooses."""
OPENERS = "pipe,pipe2,socket,socketpair,epoll_create1,inotify_init1,pidfd_open,dup,dup2"
"""What makes descriptors beside `openat`. Only a lack of them is refused there: nothing else befalls these calls."""
ERRORS = {"openat": "EMFILE", "write": "ENOSPC", "fsync": "EIO", "rename": "EIO", "mkdir": "ENOSPC", "clone": "EAGAIN"}
"""What each kind of call is most likely to be refused with; all of the four are used where there is time."""
ALL_ERRORS = ("EIO", "ENOSPC", "EMFILE", "EAGAIN")
JOBS = f"""\
jobs:
  beat0:
    interval: 1s
    command: '{EFFECT}'
  beat1:
    interval: 1s
    command: '{EFFECT}; sleep 0.05'
"""
SHORT_STRIDES = {"openat": 60, "write": 12, "fsync": 3, "fdatasync": 3, "rename": 2, "openers": 9}
"""The short version takes every so-many-th call, three times at most; which ones, the dice say."""
LONG_STRIDES = {"openat": 10, "write": 3}
"""The long one kills at each call, and refuses these."""
STUCK_S = 4.0
"""How long a pass may take under a lasting error before the error is taken away: it waits for better times, as it should."""


@contextmanager
def traced(pids: Sequence[int], calls: str, what: str, log: Path, *, follow: bool) -> Iterator[subprocess.Popen[bytes]]:
    """The processes, and all that they start if `follow`, under strace: `what` is done to them as in strace(1), inject."""
    if shutil.which("strace") is None:
        raise CannotDo("there is no strace")
    argv = ["strace", *(["-f"] if follow else []), "-qq", "-o", str(log), *(f"--attach={pid}" for pid in pids)]
    argv += ["-e", f"trace={calls}", "-e", f"inject={calls}:{what}"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, start_new_session=True) as process:
        try:
            wait_until(lambda: any(map(_tracer, pids)) or process.poll() is not None, 20, "strace to attach")
            if process.poll() is not None:
                assert process.stderr is not None
                raise CannotDo(f"strace can't attach: {process.stderr.read().decode().strip()[:200]}")
            yield process
        finally:
            detach(process)


def detach(strace: subprocess.Popen[bytes]) -> None:
    """Let the traced go on. A strace that loses a process in the middle of a vfork may wait for ever: the kernel detaches for it then."""
    strace.terminate()
    try:
        strace.wait(3)
    except subprocess.TimeoutExpired:
        strace.kill()
        strace.wait()


def was_hit(log: Path) -> bool:
    """Whether anything was injected."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "(INJECTED)" in text or "+++ killed by SIGKILL" in text


def in_a_pass(call: str, what: str, *, follow: bool = False, first: bool = False) -> Step:
    """`octojobs tick` in a state that a killed daemon left, hit at the k-th call; `what` is `kill`, or an error, once or from there on.

    With `first` there is no state yet: the pass is the first one in its repository.
    """

    def do(tally: Tally, scale: Scale, root: Path) -> None:
        with opened(root, JOBS) as world:
            if not first:
                _leave_something(world)
                shutil.copytree(world.paths.root, root / "template")
            before = "\n".join([*world.effects, ""])
            stride = scale.of(SHORT_STRIDES, LONG_STRIDES if what != "kill" else {}).get(call, 1)
            k = 1 + scale.dice(call, what).randrange(stride)
            while _one(tally, world, root / f"strace-{k}", call, what, k, follow=follow):
                k += stride
                if k > scale.of(3 * stride, 400):
                    break
                shutil.rmtree(world.paths.root)
                if not first:
                    shutil.copytree(root / "template", world.paths.root)
                (world.repo / "effects").write_text(before.lstrip("\n"))

    return Step(f"{call} {what}{' everywhere' if follow else ''}{' in the first pass' if first else ''}", do)


def _leave_something(world: World) -> None:
    """A state with history, and one run that was open when its daemon and its shim were killed."""
    assert world.call("tick") == 0, world.started[-1].said()
    daemon = world.start("up")
    wait_until(lambda: len(world.effects) >= 4, 20, "the second runs")
    daemon.kill()
    for pid in world.strays():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    left = world.orphans()
    assert left == [], "; ".join(left)


def _one(tally: Tally, world: World, log: Path, call: str, what: str, k: int, *, follow: bool) -> bool:
    """One pass that is hit at its k-th call, and what is left of it; whether it was hit."""
    injected, _, lasting = what.partition(" ")
    where = f"signal=KILL:when={k}" if injected == "kill" else f"error={injected}:when={k}{'+' if lasting else ''}"
    before = world.gather()
    hit = world.start("tick", stopped=True)
    with traced([hit.pid], _traced(call, injected), where, log, follow=follow) as strace:
        os.kill(hit.pid, signal.SIGCONT)
        with suppress(AssertionError):
            wait_until(lambda: hit.poll() is not None, STUCK_S)
        detach(strace)
    code = hit.wait(40)
    was = was_hit(log)
    if was:
        tally.did("kills" if injected == "kill" else "errors")
    place = f"{where} of {call}{', everywhere' if follow else ''}"
    orderly = (-signal.SIGKILL, 0, 1) if injected == "kill" else (0, 1, 2, 3, 4, 5)
    tally.check(place, code in orderly, f"it exits {code}: {hit.said()[-1500:]}")
    tally.found(place, world.orphans())
    tally.found(place, world.settle())
    tally.found(place, world.orphans())
    tally.found(place, world.checked(["beat0", "beat1"], before))
    log.unlink(missing_ok=True)
    return was


def under_a_daemon(call: str) -> Step:
    """A daemon goes on while its launcher, its shims and their jobs are killed at their k-th call."""

    def do(tally: Tally, scale: Scale, root: Path) -> None:
        with opened(root, JOBS) as world:
            daemon = world.start("up")
            wait_until(lambda: len(world.effects) >= 2, 20, "the first runs")
            for k in scale.of([2], range(1, 25)):
                log, seen = root / f"strace-{k}", len(world.effects)
                with traced(platform.descendants(daemon.pid), CALLS[call], f"signal=KILL:when={k}", log, follow=True):
                    with suppress(AssertionError):
                        wait_until(partial(was_hit, log), 3)
                    tally.did("kills", int(was_hit(log)))
                wait_until(partial(_more_effects, world, seen + 1), 30, "runs after a kill")
            daemon.send(signal.SIGTERM)
            tally.check("at the end", daemon.wait() == 0, f"the daemon exits {daemon.status}: {daemon.said()[-1500:]}")
            tally.found("at the end", [*world.settle(), *world.orphans(), *world.checked(["beat0", "beat1"])])

    return Step(f"{call} kill under a daemon", do)


def _more_effects(world: World, than: int) -> bool:
    return len(world.effects) > than


def _tracer(pid: int) -> bool:
    with suppress(OSError):
        return "TracerPid:\t0" not in Path(f"/proc/{pid}/status").read_text()
    return False


def _traced(call: str, injected: str) -> str:
    """What strace is told: all names of a kind, or for a kill the name itself."""
    kinds = {"any clone": CALLS["clone"]} if injected == "kill" else {**CALLS, "openers": OPENERS}
    return kinds.get(call, call)


def _names(*kinds: str) -> list[str]:
    """Each name of these kinds: strace counts them apart, so that of several only those would be hit that come to k first."""
    return [name for kind in kinds for name in CALLS[kind].split(",")]


def steps(scale: Scale) -> list[Step]:
    """Kills of the pass, of everything in it, and of what a daemon has started; errors once and for ever."""
    killed = scale.of(SHORT_KILLS, _names(*CALLS))
    found = [in_a_pass(call, "kill", follow=follow) for call in killed for follow in scale.of([False], [False, True])]
    found += [in_a_pass(call, "kill", first=True) for call in scale.of(["mkdir"], _names("openat", "write", "fsync", "rename", "mkdir"))]
    errors = [(call, error) for call in CALLS for error in scale.of([ERRORS[call]], ALL_ERRORS)]
    errors += [("openers", error) for error in scale.of(["EMFILE"], ["EMFILE", "ENFILE"])]
    found += [in_a_pass(call, error, follow=True) for call, error in errors]
    found += [in_a_pass(call, f"{error} for ever") for call, error in scale.of(errors[1:3], errors)]
    return found + [under_a_daemon(call) for call in scale.of(["write"], list(CALLS))]
