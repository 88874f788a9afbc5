"""Leaves a request for the engine and sees it carried out: by the daemon, or by a pass of our own where none runs."""

from __future__ import annotations

import os
import pwd
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

from octojobs import platform
from octojobs.actions.workspace import Workspace
from octojobs.config import trust
from octojobs.engine.heartbeat import Heartbeat
from octojobs.errors import RepositoryBusy
from octojobs.slotted import dataclass
from octojobs.store.activity import touch_activity
from octojobs.store.lock import Holder
from octojobs.store.requests import Refusal, Request, done, leave, take_refusal

WAIT_S = 5.0
"""How long a daemon may take: it looks at once when it is woken, and every second or two if the signal got lost."""
LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request: `taken` says whether it was looked at by now, `by` who did or who is to (empty: we ourselves).

    `refusal` is why it was not carried out then; None when it was.
    """

    taken: bool
    by: str
    refusal: Refusal | None = None

    @property
    def done(self) -> bool:
        """Whether what was asked for has been recorded."""
        return self.taken and self.refusal is None


def ask(workspace: Workspace, request: Request) -> Answer:
    """Leave the request; wake whoever holds the repository and wait for it, or hold it ourselves for one pass.

    Raises NotTrusted, and what a pass raises; the request is taken back then.
    """
    trust.require(workspace.repository)
    path = leave(workspace.paths, request)
    touch_activity(workspace.paths)
    deadline = workspace.clock.monotonic() + WAIT_S
    pause, woken = threading.Event(), False
    while path.exists() and workspace.clock.monotonic() < deadline:
        holder = workspace.holder()
        if holder is None:
            if _pass(workspace, path):
                return Answer(taken=True, by="", refusal=take_refusal(path))
        elif not woken:
            woken = wake(workspace, holder)
        pause.wait(LOOK_S)
    by = str(workspace.holder() or "the next daemon")
    return Answer(taken=False, by=by) if path.exists() else Answer(taken=True, by=by, refusal=take_refusal(path))


def wake(workspace: Workspace, holder: Holder | None) -> bool:
    """Ring the daemon's bell (SIGUSR1); False when there is none that is known to listen.

    A process that holds the lock and has no handler yet would die of the signal: its heartbeat says that it listens.
    """
    if holder is None or holder.process is None:
        return False
    vitals = Heartbeat.read(workspace.paths)
    listens = vitals is not None and vitals.pid == holder.pid
    return listens and platform.send_signal(holder.process, signal.SIGUSR1)


def who(environ: Mapping[str, str] = os.environ) -> str:
    """The person who asks, for the record: the login name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        # A container may run a user that has no name.
        return environ.get("USER") or f"uid {os.geteuid()}"


def _pass(workspace: Workspace, path: Path) -> bool:
    """Carry it out ourselves; False when somebody else took the repository in the meantime, who will."""
    # lazily: the engine is 0.1 s that a running daemon spares us
    from octojobs.actions.running import apply_requests

    try:
        apply_requests(workspace)
    except RepositoryBusy:
        return False
    except BaseException:
        done(path)
        raise
    return not path.exists()
