"""A run that was asked for, seen to its end: by the daemon, or here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import count

from octojobs.actions.asking import Answer
from octojobs.actions.by_hand import asked_run, run_id, run_in_foreground, wait_for
from octojobs.actions.output import pieces
from octojobs.actions.workspace import Workspace
from octojobs.cli.app import App
from octojobs.cli.commands.logs import print_output
from octojobs.cli.logs import log_to_stderr
from octojobs.cli.operating import not_done
from octojobs.cli.running import tell_ended
from octojobs.cli.text import visible
from octojobs.core.identity import RunId
from octojobs.errors import ExitCode
from octojobs.runners.output import OUTPUT_FILE
from octojobs.store.requests import Request
from octojobs.views.values import View

LOOK_S = 0.05


Tell = Callable[[View], None]
"""Takes a run that has ended."""


def run_here(app: App, workspace: Workspace, request: Request, tell: Tell | None = None, *, follows: bool = True) -> int:
    """Run it in the foreground, its output following (`follows`); the exit code of its outcome, 130 when it was interrupted.

    How it ended is told in a line, unless somebody else is to `tell` it: that one is also told of a run that waits.
    """
    log_to_stderr(waits=True)
    follower = _Follower(app, workspace, follows)

    def started(run: RunId) -> None:
        app.screen.note(f"{run} runs here: no daemon does")
        follower.start(run)

    try:
        view = run_in_foreground(workspace, request, started)
    finally:
        follower.stop()
    if view is None:
        app.screen.note("octojobs: interrupted; the run stays open, and the next daemon or tick goes on with it")
        return ExitCode.INTERRUPTED
    if view["outcome"] is None:
        app.screen.note(f"octojobs: {view['id']} waits: {visible(view['reason'])}; the next daemon or tick goes on with it")
        if tell is not None:
            tell(view)
        return ExitCode.FAILED
    return _told(app, workspace, view, tell)


def follow_asked(
    app: App, workspace: Workspace, request: Request, answer: Answer, tell: Tell | None = None, *, wait: bool, follows: bool = True
) -> int:
    """After the daemon took it: say which run it is, and with `wait` follow it to its end; `tell` and `follows` as above."""
    run = run_id(request)
    if not answer.done:
        return not_done(app, answer, "the run")
    view = asked_run(workspace, run)
    (app.screen.say if follows else app.screen.note)(f"{run} {view['outcome'] or view['phase']}")
    if not wait:
        return ExitCode.OK
    follower = _Follower(app, workspace, follows)
    follower.start(run)
    view = wait_for(workspace, run)
    follower.stop()
    return _told(app, workspace, view, tell)


def _told(app: App, workspace: Workspace, view: View, tell: Tell | None) -> int:
    if tell is None:
        tell_ended(app, workspace, [view], tails=False)
    else:
        tell(view)
    return ExitCode.OK if view["outcome"] == "succeeded" else ExitCode.FAILED


class _Follower:
    """Prints the output of a run, attempt after attempt, in a thread of its own until it is stopped; nothing unless it `follows`."""

    def __init__(self, app: App, workspace: Workspace, follows: bool) -> None:
        self._app = app
        self._follows = follows
        self._paths = workspace.paths
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, run: RunId) -> None:
        """Begin with the first attempt, as soon as there is one."""
        if not self._follows:
            return
        self._thread = threading.Thread(target=self._follow, args=(run,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """The run has ended, or nobody waits for it any more: print what is there, then no more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self, run: RunId) -> None:
        # The reader of our output may go away: the run does not end for that.
        with suppress(BrokenPipeError):
            for attempt in count(1):
                file = self._paths.run_dir(run, attempt) / OUTPUT_FILE
                while not file.exists():
                    if self._ended.wait(LOOK_S):
                        break
                if not file.exists():
                    return
                last = print_output(self._app, pieces(file, following=True, enough=self._ended.is_set))
                if last not in (b"", b"\n"):
                    self._app.screen.say()  # what is said of the run begins a line of its own
