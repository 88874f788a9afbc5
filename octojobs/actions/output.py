"""The output of a run's attempts: read whole, by its end, or followed while it grows."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from octojobs.actions.workspace import Workspace
from octojobs.core.identity import InvalidId, RunId
from octojobs.errors import OctojobsError, UsageError
from octojobs.runners.receipts import is_live, read_exit
from octojobs.views.values import View

CHUNK = 1 << 16
FOLLOW_S = 0.1
"""How soon a follower sees new output."""


def output_file(workspace: Workspace, run: View, attempt: int | None) -> Path:
    """The output of the attempt (the latest that has begun without); UsageError when there is none, with the reason."""
    folder = _run_folder(workspace, run)
    numbers = attempts_of(folder)
    if attempt is not None and attempt not in numbers:
        known = f"it has {', '.join(map(str, numbers))}" if numbers else "it has none"
        raise UsageError(f"{run['id']} has no output of attempt {attempt}", known)
    if not numbers:
        raise OctojobsError(_why_no_output(run), f"`octojobs why {run['job']} --at {run['scheduled_at']}` tells more")
    return folder / str(attempt or numbers[-1]) / "output.log"


def attempts_of(folder: Path) -> list[int]:
    """The attempts that left output, in order."""
    with suppress(FileNotFoundError):
        return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit() and (path / "output.log").exists())
    return []


def read_output(file: Path) -> Iterator[bytes]:
    """The output in pieces; raises OSError."""
    with file.open("rb") as opened:
        while piece := opened.read(CHUNK):
            yield piece


def tail(workspace: Workspace, run: View, lines: int) -> list[str]:
    """The last lines of the latest attempt's output, oldest first; empty when there is none. Bytes that are no text are replaced."""
    try:
        file = output_file(workspace, run, None)
        with file.open("rb") as opened:
            opened.seek(max(0, os.fstat(opened.fileno()).st_size - CHUNK))
            text = opened.read().decode("utf-8", "replace")
    except (OctojobsError, OSError):
        return []
    return text.splitlines()[-lines:]


def follow(file: Path) -> Iterator[bytes]:
    """The output from its beginning and what is added to it, until the attempt has ended.

    Output over the job's bound is cut in the middle while it grows: the follower goes on at the new end then.
    """
    pause, attempt = threading.Event(), file.parent
    with file.open("rb") as opened:
        while True:
            ended = read_exit(attempt) is not None or not is_live(attempt)
            if os.fstat(opened.fileno()).st_size < opened.tell():
                opened.seek(0, os.SEEK_END)
            piece = opened.read(CHUNK)
            if piece:
                yield piece
            elif ended:
                # `ended` was asked before the last look at the file: nothing was added since.
                return
            else:
                pause.wait(FOLLOW_S)


def _run_folder(workspace: Workspace, run: View) -> Path:
    try:
        return workspace.paths.run_dir(RunId(run["id"]), 1).parent
    except InvalidId:
        raise UsageError(f"{run['id']} is no run", "`octojobs runs` lists them") from None


def _why_no_output(run: View) -> str:
    if run["outcome"] is None:
        return f"{run['id']} has not begun: it is {run['phase']}"
    if not run["attempt"] or run["outcome"] in ("skipped", "missed"):
        return f"{run['id']} did not run: {run['outcome']}" + (f", {run['reason']}" if run["reason"] else "")
    return f"the output of {run['id']} is not kept any more"
