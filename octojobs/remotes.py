"""The branches of a remote: where it is, and their removal there, which is the one connection that is made through git.

A push of deletions, and nothing else, leaves this file. Each names the commit that the branch was last seen at, so that one that
has moved since stays (`--force-with-lease`). It is sent from an empty repository that is made for it: of the configuration of the
repository itself nothing counts there, but for the address, so that it can name no program (receive-pack, helpers, ssh, hooks,
signers). The user's own configuration does: credentials are in it. Only the transport that the caller has allowed works, and
nobody is asked for anything.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from octojobs.branches import HEADS
from octojobs.errors import GitFailed, UsageError
from octojobs.git_command import PINS, ask, failed, run_git
from octojobs.repository import Repository
from octojobs.slotted import dataclass

TRANSPORTS = ("https", "ssh", "file")
TIMEOUT_S = 120.0
AT_ONCE = 50
"""Branches in one push: a remote that runs a hook for each of them stays within the timeout."""

_SCHEMES = {"https": "https", "ssh": "ssh", "git+ssh": "ssh", "ssh+git": "ssh", "file": "file"}
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z0-9][A-Za-z0-9+.-]*)(?P<mark>://|::)")
_SSH = "ssh -oBatchMode=yes -oConnectTimeout=20 -oControlMaster=no"
_PUSH = ("push", "--porcelain", "--no-verify", "--no-signed", "--no-follow-tags", "--recurse-submodules=no", "--no-force-if-includes")
_STALE = "(stale info)"


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote: its name here, the address that is pushed to, and one of TRANSPORTS by which that is reached."""

    name: str
    address: str
    transport: str

    @property
    def prefix(self) -> str:
        """Where its branches stand here as they were fetched last."""
        return _prefix(self.name)


def remote_of(repository: Repository, name: str, transports: Sequence[str]) -> Remote:
    """The remote of that name. Raises UsageError where there is none, not all its branches are fetched, or it is reached otherwise."""
    there = _lines(repository, ["remote"])
    if name not in there:
        raise UsageError(
            f"args: remote: there is no remote {name!r} here", f"name one of {', '.join(there)}" if there else "add it with git"
        )
    fetched = _lines(repository, ["config", "--get-all", f"remote.{name}.fetch"])
    if f"{HEADS}*:{_prefix(name)}*" not in {one.removeprefix("+") for one in fetched}:
        raise UsageError(f"args: remote: not all branches of {name} are fetched to {_prefix(name)}", f"git remote set-branches {name} '*'")
    addresses = _lines(repository, ["remote", "get-url", "--push", "--all", "--", name])
    if len(addresses) != 1:
        raise UsageError(f"args: remote: {name} is pushed to {len(addresses)} addresses", "name a remote with one")
    transport = transport_of(addresses[0])
    if transport not in transports:
        raise UsageError(f"args: remote: {name} is reached by {transport}, not by {' or '.join(transports)}", _remedy(transport))
    address = addresses[0]
    if transport == "file" and "://" not in address:
        address = os.path.join(repository.main_worktree, address)
    return Remote(name, address, transport)


def default_target(repository: Repository, remote: Remote) -> str | None:
    """The full name, on the remote, of the branch that others are merged into: the one that it names, else `main` or `master`."""
    named = _lines(repository, ["symbolic-ref", "--quiet", f"{remote.prefix}HEAD"])
    wanted = [*named, f"{remote.prefix}main", f"{remote.prefix}master"]
    there = _lines(repository, ["for-each-ref", "--format=%(refname)", *wanted])
    return next((HEADS + name.removeprefix(remote.prefix) for name in wanted if name in there and name.startswith(remote.prefix)), None)


def transport_of(address: str) -> str:
    """How git reaches an address, as git-fetch(1) has it: one of TRANSPORTS, or the name of what is none of them.

    >>> [transport_of(one) for one in ("https://git.example.org/a.git", "ada@git.example.org:a.git", "../a.git", "/srv/a:b.git")]
    ['https', 'ssh', 'file', 'file']
    >>> [transport_of(one) for one in ("ext::sh -c true", "git://git.example.org/a", "HTTP://git.example.org/a")]
    ['ext', 'git', 'http']
    """
    match = _SCHEME.match(address)
    if match is not None:
        scheme = match["scheme"].lower()
        return _SCHEMES.get(scheme, scheme) if match["mark"] == "://" else scheme
    return "ssh" if ":" in address.partition("/")[0] else "file"


def push_deletions(repository: Repository, remote: Remote, tips: Mapping[str, str]) -> dict[str, str]:
    """Remove the branches (full names on the remote, with the commits that they were seen at); why each is still there, "" if it is not.

    STALE stands for a branch that is at another commit by now, or gone. Raises GitFailed where the remote can't be asked: then
    nobody knows what has been removed, as after a timeout.
    """
    form = os.fsdecode(ask(repository.main_worktree, ["rev-parse", "--show-object-format"]).out).strip()
    leases = [f"--force-with-lease={name}:{commit}" for name, commit in tips.items()]
    push = ["--git-dir=.", *_PUSH, "--receive-pack=git-receive-pack", *leases, "--", remote.address, *(f":{name}" for name in tips)]
    environment = {"GIT_ALLOW_PROTOCOL": remote.transport, "GIT_SSH_COMMAND": _SSH, "GIT_SSH_VARIANT": "ssh"}
    with tempfile.TemporaryDirectory(prefix="octojobs-push-") as empty:
        place = Path(empty)
        run_git(place, ["init", "--quiet", "--bare", "--template=", f"--object-format={form}", "."])
        pins = [pin for pin in PINS if not pin.startswith("credential.")]
        answer = run_git(place, push, (0, 1, 128), environment=environment, timeout_s=TIMEOUT_S, pins=pins)
    if answer.status < 0 or answer.error.startswith("Timeout:"):
        raise GitFailed(f"{remote.name} did not answer within {TIMEOUT_S:g} s", "see whether it can be reached: `git ls-remote` asks it")
    rows = [line.split("\t") for line in os.fsdecode(answer.out).split("\n")]
    told = {row[1].rpartition(":")[2]: (row[0], row[2]) for row in rows if len(row) == 3}
    if not told:
        raise failed(repository.main_worktree, answer)
    return {name: _why(*told.get(name, ("!", "git says nothing of it"))) for name in tips}


STALE = "it has moved there, or is gone, since it was fetched last"


def _why(flag: str, summary: str) -> str:
    if flag == "-":
        return ""
    return STALE if _STALE in summary else summary.removeprefix("[remote rejected] ").strip("()")


def _remedy(transport: str) -> str:
    if transport in TRANSPORTS:
        return f"`args: {{transports: [{transport}]}}` allows that"
    return f"octojobs removes branches by {', '.join(TRANSPORTS[:-1])} or {TRANSPORTS[-1]} only"


def _prefix(name: str) -> str:
    return f"refs/remotes/{name}/"


def _lines(repository: Repository, arguments: Sequence[str]) -> list[str]:
    return os.fsdecode(ask(repository.main_worktree, arguments, allowed=(0, 1)).out).split("\n")[:-1]
