"""docker and podman: the run in a container of the job's image, in which the worktree lies where it lies outside."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from octojobs import process
from octojobs.core.sandbox import Backend
from octojobs.runners.sandbox.bubblewrap import Unusable
from octojobs.runners.sandbox.order import Order
from octojobs.runners.sandbox.pieces import How, Piece
from octojobs.runners.shim.spawn import DEFAULT_PATH
from octojobs.store.paths import FOLDER_MODE

_OF_THE_MACHINE = frozenset({"PATH", "HOME", "SHELL", "USER", "LOGNAME", "TMPDIR", "XDG_RUNTIME_DIR"})
"""What means something else in a container; what the job says itself (`env`, `pass_env`) is passed on all the same."""
_HOME = "/tmp"  # noqa: S108 -- the container's own, and empty
_ANSWER_S = 10.0
_NAMESPACE = ("podman", "unshare")
_NO_IMAGE = (b"no such image", b"image not known")
NOT_BEGUN = 125
"""What a client exits with that could not start its container."""
_KEPT_IN = ("--rm", "--init", "--interactive", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
_EMPTY = ("/tmp", "/var/tmp", "/run")  # noqa: S108 -- the container's own


def require_usable(backend: Backend, environ: Mapping[str, str]) -> None:
    """Raises Unusable when its program is missing, or podman can't have the namespace that it needs for whoever is not root."""
    if shutil.which(backend.value, path=environ.get("PATH", DEFAULT_PATH)) is None:
        raise Unusable(f"there is no program {backend.value} on PATH", "install it, or choose another backend")
    if backend is Backend.PODMAN and os.getuid():
        _require_namespace(environ)


def _require_namespace(environ: Mapping[str, str]) -> None:
    """Runs gain no privileges, which newuidmap needs: the namespace is one that podman has made outside of them, and has kept."""
    try:
        done = process.run((*_NAMESPACE, "true"), timeout_s=_ANSWER_S, env=environ)
    except OSError as error:
        raise Unusable(f"podman can't be started: {error.strerror}", "install it anew") from None
    if not done.ok:
        said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2] or "no answer"
        fix = "`podman unshare true` outside of runs, once after each boot, makes one for them; it needs newuidmap and /etc/subuid"
        raise Unusable(f"podman has no user namespace, and a run may not make one: {said}", fix)


def require_engine(backend: Backend, environ: Mapping[str, str]) -> str:
    """The version of the engine that the program speaks to. Raises Unusable when none answers."""
    require_usable(backend, environ)
    shown = "{{.Server.Version}}" if backend is Backend.DOCKER else "{{.Client.Version}}"
    try:
        done = process.run((backend.value, "version", "--format", shown), timeout_s=_ANSWER_S, env=environ)
    except OSError as error:
        raise Unusable(f"{backend.value} can't be started: {error.strerror}", "install it anew") from None
    if done.ok:
        return done.stdout.decode("utf-8", "replace").strip()
    said = next(iter(done.stderr.decode("utf-8", "replace").strip().splitlines()), "no answer")
    raise Unusable(f"its engine does not answer: {said}", "start it, or allow yourself to speak to it")


def name_of(order: Order) -> str:
    """The name of the run's container; `@` and `+` may not stand in one, nor most of what a folder's name may have.

    Another repository may have a job of the same name, due at the same instant: its end stands for the state folder.
    """
    run = order.whose.run.replace("@", ".").replace("+", ".")
    return f"octojobs.{run}.{order.whose.attempt}.{hashlib.sha256(os.fsencode(order.state)).hexdigest()[:12]}"


def enclosed(order: Order, shown: Iterable[Piece], env: Mapping[str, str]) -> Sequence[str]:
    """The argument vector. It names the variables alone: their values come from the client's own environment."""
    program, image = order.sandbox.backend.value, order.sandbox.image
    head, *rest = order.argv
    return (program, "run", *_KEPT_IN, *_options(order, shown, env), "--entrypoint", head, image, *rest)


def own(order: Order, env: Mapping[str, str], state: Path, shown: Iterable[Piece]) -> tuple[Piece, ...]:
    """What is shown, with the job's own home folder; below `state` there is a place for each piece that lies in the state folder.

    A client would make these places itself, for the container's root alone to enter.
    """
    home = [] if order.home is None else [Piece(How.WRITE, order.home, Path(_home(order, env)))]
    pieces = (*shown, *home)
    for piece in pieces:
        if piece.how is not How.EMPTY and piece.target.is_relative_to(order.paths.root) and piece.source.is_dir():
            (state / piece.target.relative_to(order.paths.root)).mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    return pieces


def removal(order: Order) -> tuple[str, ...]:
    """The argument vector that ends and removes the container, whatever it does."""
    return (order.sandbox.backend.value, "rm", "--force", "--volumes", name_of(order))


def require_image(order: Order, environ: Mapping[str, str]) -> None:
    """Raise Unusable when the image is not there; the client has tried to pull it, and said how that went."""
    program, image = order.sandbox.backend.value, order.sandbox.image
    if is_missing(order.sandbox.backend, image, environ):
        fix = f"build it, `{program} pull` it, or mend `image:`"
        raise Unusable(f"there is no image {image} here, and {program} could not get it", fix)


def is_missing(backend: Backend, image: str, environ: Mapping[str, str]) -> bool:
    """Whether the engine says that it does not have the image; False when it does not answer."""
    try:
        done = process.run((backend.value, "image", "inspect", "--format", "{{.Id}}", image), timeout_s=_ANSWER_S, env=environ)
    except OSError:
        return False
    return bool(done.exit_code) and any(words in done.stderr.lower() for words in _NO_IMAGE)


def _options(order: Order, shown: Iterable[Piece], env: Mapping[str, str]) -> Iterator[str]:
    yield from ("--name", name_of(order), "--label", f"octojobs.run={order.whose.run}")
    network = order.sandbox.network
    if network is not True:
        yield from ("--network", network or "none")
    if order.sandbox.backend is Backend.DOCKER:
        yield from ("--user", f"{os.getuid()}:{os.getgid()}")
    else:
        yield "--stop-timeout=0"  # or else `podman rm --force` waits for ten seconds, which a run that is killed hasn't got
        if os.getuid():
            yield "--userns=keep-id"
    yield from ("--workdir", str(order.folder))
    home = _home(order, env)
    for folder in _EMPTY:
        if folder != home or order.home is None:
            yield from _empty(order.sandbox.backend, folder)
    for piece in shown:
        fields = ("type=bind", f"source={piece.source}", f"target={piece.target}", *(["readonly"] if piece.how is not How.WRITE else []))
        yield from ("--mount", _record(fields))
    passed = [name for name in env if name not in _OF_THE_MACHINE or name in order.declared]
    if "HOME" not in passed:
        yield from ("--env", f"HOME={home}")
    for name in passed:
        yield from ("--env", name)


def _home(order: Order, env: Mapping[str, str]) -> str:
    """Where the home folder is: where the job says, or where its own lies, if it has one, or an empty one."""
    return os.path.normpath(env["HOME"]) if "HOME" in env and "HOME" in order.declared else str(order.home or _HOME)


def _empty(backend: Backend, folder: str) -> Iterator[str]:
    """An empty folder. podman would copy into it what the image has there."""
    if backend is Backend.PODMAN:
        yield from ("--mount", _record(("type=tmpfs", f"target={folder}", "notmpcopyup")))
    elif folder == _HOME:
        yield from ("--tmpfs", f"{folder}:exec")
    else:
        yield from ("--mount", _record(("type=tmpfs", f"target={folder}")))


def _record(fields: Sequence[str]) -> str:
    """As the programs read it: a record of CSV, so that a path may hold a comma."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(fields)
    return text.getvalue()
