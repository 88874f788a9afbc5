"""Who vouches for a change: the signatures of its commits, judged by the user's own file of signers and by nothing of the repository's.

git says who signed (`%G?`, git-log(1)); the programs that it asks, `ssh-keygen` and `gpg`, and the file of signers are ours to name.
The file is that of ssh-keygen(1), "ALLOWED SIGNERS": `ada@example.org ssh-ed25519 AAAA…`; and a line `openpgp FINGERPRINT` for
each OpenPGP key, which has to be in the user's keyring.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from octojobs.commits import NoSuchCommit, require_commits
from octojobs.errors import OctojobsError
from octojobs.git_command import ask
from octojobs.repository import Repository
from octojobs.slotted import dataclass

_FIELDS = "%H%x00%G?%x00%GT%x00%GF%x00%GP%x00%GS"
_OPENPGP = re.compile(r"openpgp\s+(?P<fingerprint>[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})(?:\s+.*)?")
_TROUBLE = {
    "N": "has no signature",
    "B": "has a signature that is not its own",
    "E": "is signed with a key that is not known here",
    "X": "has a signature that has expired",
    "Y": "is signed with a key that has expired",
    "R": "is signed with a key that was revoked",
}


@dataclass(frozen=True, slots=True)
class Signers:
    """Whose signatures count: lines for ssh-keygen, and fingerprints of OpenPGP keys in capitals."""

    file: Path
    ssh: tuple[str, ...]
    openpgp: frozenset[str]


def signers_file(environ: Mapping[str, str]) -> Path:
    """The user's file: `$XDG_CONFIG_HOME/octojobs/allowed_signers`, or below `~/.config`."""
    base = environ.get("XDG_CONFIG_HOME", "")
    home = Path(base) if os.path.isabs(base) else Path(environ.get("HOME") or Path.home()) / ".config"
    return home / "octojobs/allowed_signers"


def read_signers(file: Path) -> Signers:
    """The signers in the file. OctojobsError when there is none, others may write it, or it names nobody."""
    remedy = "write a line for each as in ssh-keygen(1), ALLOWED SIGNERS, or `openpgp FINGERPRINT`"
    try:
        with file.open("rb") as opened:
            status = os.fstat(opened.fileno())
            text = opened.read().decode("utf-8", "replace")
    except FileNotFoundError:
        raise OctojobsError(f"there is no file of signers, {file}", remedy) from None
    except OSError as error:
        raise OctojobsError(f"{file} can't be read: {error.strerror}", remedy) from error
    if status.st_uid not in (os.geteuid(), 0) or stat.S_IMODE(status.st_mode) & 0o022:
        raise OctojobsError(f"{file} may be written by others, so it proves nothing", f"chmod go-w {file}")
    lines = [line.strip() for line in text.splitlines()]
    named = [line for line in lines if line and not line.startswith("#")]
    keys = {line: _OPENPGP.fullmatch(line) for line in named}
    if wrong := [line for line in named if line.split()[0] == "openpgp" and keys[line] is None]:
        raise OctojobsError(f"{file}: {wrong[0]!r} names no fingerprint", "write all its hex digits, as `gpg --fingerprint` shows them")
    signers = Signers(
        file,
        tuple(line for line in named if keys[line] is None),
        frozenset(match["fingerprint"].upper() for match in keys.values() if match),
    )
    if not named:
        raise OctojobsError(f"{file} names no signer", remedy)
    return signers


def unvouched(repository: Repository, base: str, tip: str, paths: Sequence[str], signers: Signers) -> str:
    """Why a change of the paths between two commits is not vouched for by signatures, in words; "" when it is.

    `tip` has to go on from `base` along first parents, so that nobody brings an older state back that was signed once; and every
    commit in between that touches the paths carries a signature of a signer: on any branch that was merged, and each merge
    that makes them other than its first parent's.
    """
    try:
        require_commits(repository, base, tip)
    except NoSuchCommit as missing:
        return f"{missing.what}, so nobody can say what came after it"
    place = repository.main_worktree
    line = ask(place, ["rev-list", "--first-parent", "--parents", f"{base}..{tip}", "--"]).out.decode("ascii").splitlines()
    if not line or base not in line[-1].split()[1:2]:
        return f"commit {tip[:7]} does not go on from commit {base[:7]}, whose definitions are in force"
    touching = ask(place, ["rev-list", "--full-history", f"{base}..{tip}", "--", *paths]).out.decode("ascii").split()
    touching += _merges(place, base, tip, paths)
    if not touching:
        return f"no commit between {base[:7]} and {tip[:7]} explains the change"
    return _first_trouble(place, list(dict.fromkeys(touching)), signers)


def _merges(place: Path, base: str, tip: str, paths: Sequence[str]) -> list[str]:
    """The merges that make the paths other than their first parent's."""
    merges = ask(place, ["rev-list", "--merges", f"{base}..{tip}", "--"]).out.decode("ascii").split()
    compare = ("diff-tree", "-r", "--quiet", "--no-ext-diff", "--no-textconv")
    return [merge for merge in merges if ask(place, [*compare, f"{merge}^1", merge, "--", *paths], allowed=(0, 1)).status]


def _first_trouble(place: Path, commits: Sequence[str], signers: Signers) -> str:
    programs = {name: shutil.which(name) for name in ("ssh-keygen", "gpg")}
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="octojobs-signers-") as ssh:
        ssh.write("".join(f"{line}\n" for line in signers.ssh))
        ssh.flush()
        settings = {
            "gpg.ssh.program": programs["ssh-keygen"] or "false",
            "gpg.ssh.allowedSignersFile": ssh.name,
            "gpg.ssh.revocationFile": "",
            "gpg.program": programs["gpg"] or "false",
            "gpg.openpgp.program": programs["gpg"] or "false",
            "gpg.minTrustLevel": "undefined",
        }
        pins = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        shown = ["log", "--no-walk=unsorted", "--stdin", f"--format={_FIELDS}"]
        out = ask(place, [*pins, *shown], stdin="".join(f"{commit}\n" for commit in commits).encode("ascii")).out
    found = dict(record.split("\0", 1) for record in out.decode("utf-8", "replace").splitlines())
    for commit in commits:
        if why := _trouble(found.get(commit, "N\0\0\0\0"), signers):
            return f"commit {commit[:7]}, which touches it, {why}"
    return ""


def _trouble(record: str, signers: Signers) -> str:
    status, trust, fingerprint, primary, signer = record.split("\0", 4)
    if fingerprint.startswith("SHA256:"):
        if status == "G" and trust == "fully" and signer:
            return ""
        return f"is signed with the SSH key {fingerprint}, which {signers.file} does not name"
    if status in ("G", "U"):
        if signers.openpgp & {fingerprint.upper(), primary.upper()}:
            return ""
        return f"is signed with the OpenPGP key {fingerprint}, which {signers.file} does not name"
    return _TROUBLE.get(status, "has a signature that can't be checked")
