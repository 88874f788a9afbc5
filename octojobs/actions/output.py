"""The output of a run's attempts: which file it is in, its end, and the following of it while it grows."""

from __future__ import annotations

import codecs
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from octojobs.actions.workspace import Workspace
from octojobs.core.identity import InvalidId, RunId
from octojobs.errors import OctojobsError, UsageError
from octojobs.runners import output
from octojobs.runners.receipts import is_live, read_exit
from octojobs.views.values import View

FOLLOW_S = 0.1
"""How soon a follower sees new output."""


def output_file(workspace: Workspace, run: View, attempt: int | None = None) -> Path:
    """The output of the attempt (the latest that has begun without); UsageError or OctojobsError when there is none, with the reason."""
    try:
        folder = workspace.paths.run_dir(RunId(run["id"]), 1).parent
    except InvalidId as error:
        raise UsageError(str(error), "`octojobs runs` lists them") from error
    numbers = _attempts_in(folder)
    if attempt is not None and attempt not in numbers:
        known = f"it has output of attempt {', '.join(map(str, numbers))}" if numbers else "it has no output at all"
        raise UsageError(f"{run['id']} has no output of attempt {attempt}", known)
    if not numbers:
        raise OctojobsError(_why_none(run), f"`octojobs why {run['job']} --at {run['scheduled_at']}` tells more")
    return folder / str(attempt or numbers[-1]) / output.OUTPUT_FILE


def tail(workspace: Workspace, run: View, lines: int) -> list[str]:
    """The last lines of the latest attempt's output, oldest first, made safe to show; empty when there is none."""
    try:
        return output.visible(output.tail(output_file(workspace, run), lines)).splitlines()
    except OctojobsError:
        return []


def pieces(file: Path, *, following: bool, enough: Callable[[], bool] = lambda: False) -> Iterator[bytes]:
    """The output, and when `following` what is added to it until the attempt has ended, or the caller says that it is `enough`."""
    attempt, pause = file.parent, threading.Event()

    def ended() -> bool:
        return not following or enough() or read_exit(attempt) is not None or not is_live(attempt)

    yield from output.follow(file, ended, lambda: _wait(pause))


def output_views(run: View, file: Path, found: Iterable[bytes]) -> Iterator[View]:
    """The pieces as views, bytes that are not UTF-8 replaced, and one without output at the end: how the attempt stands then.

    `run`, `job`, `attempt`, `outcome` (of the attempt; None while it is not known), `bytes` (all that it has written),
    `truncated` (whether not all of that was kept) and `output`.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for piece in found:
        yield _output_view(run, file, decoder.decode(piece))
    yield _output_view(run, file, decoder.decode(b"", final=True))


def _output_view(run: View, file: Path, text: str) -> View:
    left, number = read_exit(file.parent), int(file.parent.name)
    known = next((attempt["outcome"] for attempt in run["attempts"] if attempt["number"] == number), None)
    return {
        "run": run["id"],
        "job": run["job"],
        "attempt": number,
        "outcome": left.outcome.value if left else known,
        "bytes": left.output_bytes if left else file.stat().st_size,
        "truncated": left is not None and left.truncated,
        "output": text,
    }


def _wait(pause: threading.Event) -> None:
    pause.wait(FOLLOW_S)


def _attempts_in(folder: Path) -> list[int]:
    with suppress(FileNotFoundError):
        return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit() and (path / output.OUTPUT_FILE).exists())
    return []


def _why_none(run: View) -> str:
    if run["outcome"] is None:
        return f"{run['id']} has not begun: it is {run['phase']}"
    if not run["started_at"]:
        return f"{run['id']} did not run: {run['outcome']}" + (f", {run['reason']}" if run["reason"] else "")
    return f"the output of {run['id']} is not kept any more"
