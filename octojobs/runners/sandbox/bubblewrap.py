"""bubblewrap: a world of its own, made of namespaces: no network, no other process, and of the machine's files those that are shown.

`bwrap` itself must hear no TERM: it would die of it, and take the run along at once. So it is started with the signals blocked, and
env(1) unblocks them for the command. What the shim sends to each process of a run reaches the command, which ends in its own way.
The options go through a descriptor: the values of the environment stand in no argument vector.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from octojobs import process
from octojobs.errors import OctojobsError
from octojobs.runners.sandbox.order import Order
from octojobs.runners.sandbox.pieces import How, Piece
from octojobs.runners.shim.spawn import DEFAULT_PATH

PROGRAM = "bwrap"
UNBLOCK = ("env", "--default-signal=TERM,INT,HUP", "--")
INSTALL = "install it (`apt-get install bubblewrap`, `dnf install bubblewrap`), or choose another backend"
_ALONE = ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL")
"""To root bwrap leaves all capabilities: it could mount anew, to be written, what is there to read."""
_SYSTEM = ("/usr", "/etc", "/opt", "/nix/store", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_EMPTY = ("/tmp", "/var/tmp", "/run")  # noqa: S108 -- nothing is made there: each run has its own
_RESOLVER = "/run/systemd/resolve"
"""Where /etc/resolv.conf leads to, mostly."""
_TEST_S = 10.0
_WHY = (
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor forbids it here: give bwrap a profile with `userns,`"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "`sysctl kernel.unprivileged_userns_clone=1` allows user namespaces"),
    ("/proc/sys/user/max_user_namespaces", "0", "`sysctl user.max_user_namespaces=10000` allows user namespaces"),
)


class Unusable(OctojobsError):
    """A backend can't be used on this machine; the message says why, and the remedy."""


def require_usable(environ: Mapping[str, str]) -> None:
    """Try it. Raises Unusable."""
    path = environ.get("PATH", DEFAULT_PATH)
    if shutil.which(PROGRAM, path=path) is None:
        raise Unusable("there is no program bwrap on PATH", INSTALL)
    argv = (PROGRAM, *_ALONE, "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--", *UNBLOCK, "true")
    try:
        done = process.run(argv, timeout_s=_TEST_S, env={"PATH": path})
    except OSError as error:
        raise Unusable(f"bwrap can't be started: {error.strerror}", INSTALL) from None
    if done.ok:
        return
    said = next(iter(done.stderr.decode("utf-8", "replace").strip().splitlines()), "no answer").removeprefix("bwrap: ")
    if said.startswith("env: "):
        raise Unusable(f"bwrap works, and {said}", "env(1) of GNU coreutils 8.31 or newer is needed")
    raise Unusable(f"bwrap can't make a sandbox here: {said}", _remedy())


def _remedy() -> str:
    for file, value, remedy in _WHY:
        try:
            if Path(file).read_text(encoding="ascii").strip() == value:
                return remedy
        except OSError:
            continue
    return "it needs user namespaces, which a container may have to be allowed; `sandbox: {backend: worktree}` needs nothing"


def enclosed(order: Order, shown: Iterable[Piece], env: Mapping[str, str]) -> tuple[Sequence[str], int]:
    """The argument vector, and the descriptor that it reads its options from; the caller closes it. Raises Unusable."""
    if sys.platform != "linux":
        raise Unusable("bubblewrap runs on Linux only", "choose another backend")
    pieces = tuple(shown)
    _require_seen(order.argv[0], env.get("PATH", DEFAULT_PATH), [piece.source for piece in pieces if piece.how is not How.EMPTY])
    text = b"".join(os.fsencode(option) + b"\0" for option in _options(order, pieces, env))
    descriptor = os.memfd_create("octojobs-sandbox")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(text)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return (PROGRAM, "--args", str(descriptor), "--", *UNBLOCK, *order.argv), descriptor


def _require_seen(program: str, path: str, sources: Iterable[Path]) -> None:
    """Raise Unusable for a program that is on PATH out here and not in there, such as one in the home folder."""
    found = None if "/" in program else shutil.which(program, path=path)
    if found is None:
        return
    seen = [*map(Path, (*_SYSTEM, sys.prefix, sys.base_prefix)), *sources]
    for place in dict.fromkeys((Path(found), Path(os.path.realpath(found)))):
        if not any(place.is_relative_to(folder) for folder in seen):
            fix = f"show it: `mounts: [{{source: {place.parent}}}]`, with what else it needs, or install it for everybody"
            raise Unusable(f"{program} is {place}, which the sandbox does not show", fix)


def _options(order: Order, shown: Iterable[Piece], env: Mapping[str, str]) -> Iterator[str]:
    yield from _ALONE
    if order.sandbox.network:
        yield "--share-net"
    yield from _system(order, env, network=bool(order.sandbox.network))
    for piece in shown:
        match piece.how:
            case How.READ:
                yield from ("--ro-bind", str(piece.source), str(piece.target))
            case How.WRITE:
                yield from ("--bind", str(piece.source), str(piece.target))
            case How.EMPTY:
                yield from ("--tmpfs", str(piece.target))
    yield from ("--chdir", str(order.folder), "--clearenv")
    for name, value in env.items():
        yield from ("--setenv", name, value)


def _system(order: Order, env: Mapping[str, str], *, network: bool) -> Iterator[str]:
    """The programs of the machine, to read; empty folders where others keep theirs; the home folder is empty, too, or the run's own."""
    for name in _SYSTEM:
        if os.path.islink(name):
            yield from ("--symlink", os.readlink(name), name)
        elif os.path.isdir(name):
            yield from ("--ro-bind", name, name)
    yield from ("--proc", "/proc", "--dev", "/dev")
    for name in _EMPTY:
        yield from ("--tmpfs", name)
    if network and os.path.isdir(_RESOLVER):
        yield from ("--ro-bind", _RESOLVER, _RESOLVER)
    home = os.path.normpath(env.get("HOME") or "/")
    if order.home is not None:
        yield from ("--bind", str(order.home), home)
    elif home != "/":
        yield from ("--tmpfs", home)
    for prefix in dict.fromkeys((sys.prefix, sys.base_prefix)):
        if not prefix.startswith("/usr"):
            yield from ("--ro-bind", prefix, prefix)
