"""From an order to the process that carries it out: the command itself in a worktree, or what puts a sandbox around it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from octojobs import process
from octojobs.core.sandbox import Backend
from octojobs.errors import OctojobsError
from octojobs.repository import Repository
from octojobs.runners.sandbox import bubblewrap, containers
from octojobs.runners.sandbox.inside import furnish
from octojobs.runners.sandbox.mounts import checked
from octojobs.runners.sandbox.order import Order
from octojobs.runners.sandbox.pieces import pieces
from octojobs.slotted import dataclass
from octojobs.store.paths import FOLDER_MODE

_REMOVE_S = 10.0


@dataclass(frozen=True, slots=True)
class Enclosed:
    """The process to start. `shielded`: it does not hear what asks it to end, the command in it does."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    pass_fds: tuple[int, ...] = ()
    shielded: bool = False
    removal: tuple[str, ...] = ()
    contained: Order | None = None

    @property
    def umask(self) -> int:
        """That of a run would close the folders that a client makes for its mounts to everybody but the container's root."""
        return process.OURS if self.contained is None else 0o022

    def end(self) -> None:
        """Before this process is killed: a container would live on."""
        if self.removal:
            with suppress(OSError):
                process.run(self.removal, timeout_s=_REMOVE_S, env=self.env)

    def require_begun(self, code: int) -> None:
        """After its end with this exit code, the command's own mostly. Raises Unusable, with the remedy, when its image was not there."""
        if self.contained is not None and code == containers.NOT_BEGUN:
            containers.require_image(self.contained, self.env)


def require_usable(backend: Backend, environ: Mapping[str, str]) -> None:
    """Raises Unusable, with the remedy, when the backend can't be used on this machine."""
    if backend is Backend.BUBBLEWRAP:
        bubblewrap.require_usable(environ)
    elif backend.is_container:
        containers.require_usable(backend, environ)


def enclose(repository: Repository, order: Order, env: Mapping[str, str]) -> Enclosed:
    """What to start; the worktree is there, if there is to be one. Raises OctojobsError."""
    backend = order.sandbox.backend
    if backend is Backend.NONE:
        return Enclosed(order.argv, Path(os.path.normpath(repository.main_worktree / order.cwd)), env)
    if backend is Backend.WORKTREE:
        return Enclosed(order.argv, order.folder, env)
    if not os.path.isabs(order.cwd) and not order.folder.is_dir():
        raise OctojobsError(f"can't start: the folder {order.folder} can't be entered: there is none")
    try:
        return _walled(repository, order, env)
    except OSError as error:
        raise OctojobsError(f"its sandbox can't be made: {error}") from error


def _walled(repository: Repository, order: Order, env: Mapping[str, str]) -> Enclosed:
    """The client of a container, or `bwrap`."""
    backend = order.sandbox.backend
    mounts = checked(repository, order, env)
    removal = containers.removal(order) if backend.is_container else ()
    inside = furnish(repository, order.tree, order.run_dir, order.memory, removal)
    if order.home is not None:
        order.home.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    shown = (*pieces(repository, order, inside), *mounts)
    if backend.is_container:
        shown = containers.own(order, env, inside.state, shown)
        return Enclosed(containers.enclosed(order, shown, env), Path("/"), env, removal=removal, contained=order)
    argv, descriptor = bubblewrap.enclosed(order, shown, env)
    os.set_inheritable(descriptor, True)
    return Enclosed(argv, Path("/"), env, (descriptor,), shielded=True)
