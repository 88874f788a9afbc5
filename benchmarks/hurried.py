"""The octojobs command line in a process whose clocks run faster, and so do those of all the shims that it has started.

    python benchmarks/hurried.py CLOCK.json VERB...

`CLOCK.json` is what `begin` has written: whoever reads it lives in the same time. All of octojobs reads `engine/clock.py`, and
its shims read `time.time`, so that the one and the other are replaced; what it waits for is waited for as much shorter.
Not hurried: how long a shim waits for its job, and git for a lock, which have nothing to do with days.
"""

from __future__ import annotations

import json
import selectors
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from octojobs.cli.main import main
from octojobs.engine import clock, service
from octojobs.runners import launcher

SHIMS = """\
import time
true_time = time.time
time.time = lambda: {first} + (true_time() - {since}) * {speed}
with open({program!r}) as file:
    code = compile(file.read(), {program!r}, "exec")
exec(code, {{"__name__": "__main__", "__file__": {program!r}}})
"""
"""The launcher gets neither an environment nor arguments: what it has to know stands in its program."""


@dataclass(frozen=True)
class Hurry:
    """A clock that shows `first` (seconds since 1970) when the machine's shows `since`, and runs `speed` times as fast."""

    first: float
    since: float
    speed: float

    def now(self) -> datetime:
        """The wall clock, aware UTC."""
        return datetime.fromtimestamp(self.first, UTC) + timedelta(seconds=(time.time() - self.since) * self.speed)

    def of(self, seconds: Callable[[], float]) -> Callable[[object], float]:
        """A method that tells the time of such a clock, hurried."""
        return lambda _: seconds() * self.speed


def begin(path: Path, first: datetime, speed: float) -> Hurry:
    """Write such a clock down; it shows `first` now. Beside it comes the program of its launchers."""
    hurry = Hurry(first.timestamp(), time.time(), speed)
    path.write_text(json.dumps(asdict(hurry)))
    path.with_suffix(".py").write_text(SHIMS.format(program=str(launcher._MAIN), **asdict(hurry)))
    return hurry


def hasten(hurry: Hurry) -> None:
    """From here on octojobs reads the hurried time, in this process; how long a verb waits for an answer is not hurried."""
    clock.SystemClock.now = lambda _: hurry.now()  # type: ignore[method-assign]  # which is the point


def serve(hurry: Hurry, shims: Path) -> None:
    """From here on a daemon lives in it, in this process; `shims` is the program of its launchers."""

    class Selector(selectors.DefaultSelector):
        """Is told hurried seconds, and waits for true ones."""

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            return super().select(None if timeout is None else timeout / hurry.speed)

    boottime = clock.SystemClock().boottime
    clock.SystemClock.monotonic = hurry.of(time.monotonic)  # type: ignore[method-assign]  # as above
    clock.SystemClock.boottime = hurry.of(boottime)  # type: ignore[method-assign]  # as above
    # For the service alone: what others wait for has nothing to do with days.
    service.selectors = SimpleNamespace(DefaultSelector=Selector, EVENT_READ=selectors.EVENT_READ)  # type: ignore[assignment]  # what it uses
    service.nap = lambda seconds: time.sleep(seconds / hurry.speed)
    launcher._MAIN = shims


if __name__ == "__main__":
    path = Path(sys.argv[1])
    shown = Hurry(**json.loads(path.read_text()))
    hasten(shown)
    if sys.argv[2] == "up":
        serve(shown, path.with_suffix(".py"))
    sys.exit(main(sys.argv[2:]))
