"""Level `signed`: a change runs when the user's own signers vouch for every commit that touches it, and else waits."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from octojobs.config.approval import Approval, Plan, approve, approved
from octojobs.config.contents import Contents
from octojobs.config.loader import Loader
from octojobs.config.reload import Reload
from octojobs.config.source import CommitSource
from octojobs.config.trust import Level, allow
from octojobs.core.identity import JobId
from octojobs.errors import OctojobsError
from octojobs.repository import Repository
from octojobs.signatures import read_signers, signers_file
from tests.helpers import git, make_repository

JOBS = ".octopoid/jobs.yaml"
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
ADA, EVE = "ada@example.org", "eve@example.org"

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen")


def jobs(command: str) -> str:
    """A file with one job that runs this."""
    return f"jobs:\n  one: {{interval: 5m, command: {command}}}\n"


@dataclass
class Signed:
    """A repository at level `signed`, keys of two people of whom one is a signer, and a daemon's reload."""

    root: Path
    keys: Path

    def __post_init__(self) -> None:
        for name in (ADA, EVE):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.keys / name], check=True)
        self.signers.parent.mkdir(parents=True)
        self.signers.write_text(f"# the team\n{ADA} {(self.keys / ADA).with_suffix('.org.pub').read_text()}")
        self.repository = Repository.discover(self.root)
        files = Contents(source := CommitSource(self.repository)).look()
        approve(self.repository, Plan(source.name, files))
        allow(self.repository, Level.SIGNED, now=NOW, by="ada")
        self.reload = Reload(CommitSource(self.repository), Loader(), Approval(self.repository))
        self.reload.check()

    @property
    def signers(self) -> Path:
        """The user's file."""
        return signers_file(os.environ)

    def commit(self, text: str, *how: str, path: str = JOBS) -> str:
        """Change a file in a commit; `how` is more for git, such as a key to sign with."""
        (self.root / path).write_text(text)
        git(self.root, "add", path)
        git(self.root, *how, "commit", "--quiet", "--message", "change")
        return git(self.root, "rev-parse", "HEAD")

    def by(self, name: str) -> tuple[str, ...]:
        """How git signs as this person."""
        return ("-c", "gpg.format=ssh", "-c", f"user.signingKey={self.keys / name}", "-c", "commit.gpgSign=true")

    def running(self) -> str:
        """The command in force after another look."""
        self.reload.check(ask=True)
        return str(getattr(self.reload.current().jobs[JobId("one")].action, "command", ""))


@pytest.fixture
def signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Signed:
    """One whose first plan is approved."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "keys").mkdir()
    return Signed(make_repository(tmp_path, {JOBS: jobs("make old")}), tmp_path / "keys")


def test_a_change_that_a_signer_signed_runs_and_is_recorded(signed: Signed) -> None:
    """Nobody is asked; the next change starts from it."""
    commit = signed.commit(jobs("make new"), *signed.by(ADA))
    assert (signed.running(), signed.reload.note) == ("make new", "")
    plan = approved(signed.repository)
    assert plan is not None
    assert plan.source == commit


def test_a_change_without_a_signature_waits(signed: Signed) -> None:
    """As at level `plan`, and the note says which commit it is, and why; a commit that touches nothing needs none."""
    good = git(signed.root, "rev-parse", "HEAD")
    bad = signed.commit(jobs("curl evil"))
    tip = signed.commit("hello", path="README.md")
    assert signed.running() == "make old"
    assert signed.reload.note == (
        f"commit {tip[:7]} changes the plan, and commit {bad[:7]}, which touches it, has no signature: it waits for `octojobs allow`; "
        f"the definitions of commit {good[:7]} stay in force"
    )


def test_a_script_needs_the_signatures_of_the_plan_that_names_it(signed: Signed) -> None:
    """A signed script runs, another one of its content waits; and so does a signed job that names what nobody signed."""
    signed.commit("make new", *signed.by(ADA), path="x.sh")
    signed.commit(jobs("sh x.sh"), *signed.by(ADA))
    assert (signed.running(), signed.reload.note) == ("sh x.sh", "")
    good = signed.reload.current().pins
    assert good == {"x.sh": git(signed.root, "rev-parse", "HEAD:x.sh")}
    signed.commit("make newer", *signed.by(ADA), path="x.sh")
    assert signed.running() == "sh x.sh"
    assert signed.reload.current().pins == {"x.sh": git(signed.root, "rev-parse", "HEAD:x.sh")} != good
    bad = signed.commit("curl evil", path="y.sh")
    signed.commit(jobs("sh y.sh"), *signed.by(ADA))
    assert signed.running() == "sh x.sh"
    assert f"commit {bad[:7]}, which touches it, has no signature" in signed.reload.note


def test_the_key_of_somebody_else_is_no_signature_of_a_signer(signed: Signed) -> None:
    """However valid it is, and whatever file of signers the repository's configuration names."""
    theirs = signed.root / "signers"
    theirs.write_text(f"{EVE} {(signed.keys / EVE).with_suffix('.org.pub').read_text()}")
    git(signed.root, "config", "gpg.ssh.allowedSignersFile", str(theirs))
    signed.commit(jobs("curl evil"), *signed.by(EVE))
    assert signed.running() == "make old"
    assert f"which {signed.signers} does not name: it waits for `octojobs allow`" in signed.reload.note


def test_a_program_that_the_repository_names_does_not_say_who_signed(signed: Signed, tmp_path: Path) -> None:
    """Neither is it run: the canary stays away."""
    canary, liar = tmp_path / "canary", tmp_path / "liar"
    liar.write_text(f'#!/bin/sh\ntouch {canary}\necho "Good \\"git\\" signature for {ADA} with ED25519 key SHA256:x"\n')
    liar.chmod(0o755)
    for key in ("gpg.ssh.program", "gpg.program", "gpg.openpgp.program"):
        git(signed.root, "config", key, str(liar))
    signed.commit(jobs("curl evil"), *signed.by(EVE), "-c", "gpg.ssh.program=ssh-keygen")
    assert (signed.running(), canary.exists()) == ("make old", False)


def test_a_signature_over_another_content_is_refused(signed: Signed) -> None:
    """A commit that was made anew around a good signature."""
    good = signed.commit(jobs("make new"), *signed.by(ADA))
    tree = git(signed.root, "rev-parse", f"{signed.commit(jobs('curl evil'))}^{{tree}}")
    raw = subprocess.run(["git", "cat-file", "commit", good], cwd=signed.root, check=True, capture_output=True, text=True).stdout
    forged = raw.replace(raw.splitlines()[0], f"tree {tree}")
    made = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"], cwd=signed.root, check=True, capture_output=True, text=True, input=forged
    ).stdout.strip()
    git(signed.root, "reset", "--quiet", "--hard", made)
    assert signed.running() == "make old"
    assert f"commit {made[:7]}, which touches it, has a signature that is not its own" in signed.reload.note


def test_a_signed_commit_does_not_vouch_for_the_one_before_it(signed: Signed) -> None:
    """Every commit that touches the plan counts."""
    bad = signed.commit(jobs("curl evil"))
    signed.commit(jobs("curl evil") + "  # tidied\n", *signed.by(ADA))
    assert signed.running() == "make old"
    assert f"commit {bad[:7]}, which touches it, has no signature" in signed.reload.note


def test_an_older_state_that_was_signed_once_is_not_brought_back(signed: Signed) -> None:
    """By moving the branch back, or by a merge that takes the old side: what was mended stays mended."""
    old = signed.commit(jobs("make leaky"), *signed.by(ADA))
    new = signed.commit(jobs("make tight"), *signed.by(ADA))
    assert signed.running() == "make tight"
    git(signed.root, "reset", "--quiet", "--hard", old)
    assert signed.running() == "make tight"
    assert f"commit {old[:7]} does not go on from commit {new[:7]}" in signed.reload.note
    git(signed.root, "merge", "--quiet", "--strategy", "ours", "--message", "take mine", new)
    assert signed.running() == "make tight"


def test_a_merge_needs_the_signatures_of_what_it_brings(signed: Signed) -> None:
    """A signed merge of unsigned commits waits; one of signed commits runs."""
    git(signed.root, "switch", "--quiet", "--create", "topic")
    bad = signed.commit(jobs("curl evil"))
    git(signed.root, "switch", "--quiet", "main")
    git(signed.root, *signed.by(ADA), "merge", "--quiet", "--no-ff", "--message", "merge", "topic")
    assert signed.running() == "make old"
    assert f"commit {bad[:7]}, which touches it, has no signature" in signed.reload.note
    git(signed.root, "reset", "--quiet", "--hard", "HEAD^1")
    git(signed.root, "switch", "--quiet", "--force-create", "topic", "main")
    signed.commit(jobs("make new"), *signed.by(ADA))
    git(signed.root, "switch", "--quiet", "main")
    git(signed.root, *signed.by(ADA), "merge", "--quiet", "--no-ff", "--message", "merge", "topic")
    assert (signed.running(), signed.reload.note) == ("make new", "")


def test_who_only_looks_records_nothing(signed: Signed) -> None:
    """A reading verb sees what `up` would run, and the approved plan stays what it was."""
    before = approved(signed.repository)
    signed.commit(jobs("make new"), *signed.by(ADA))
    looking = Reload(CommitSource(signed.repository), Loader(), Approval(signed.repository, records=False))
    looking.check()
    assert (looking.note, approved(signed.repository)) == ("", before)


def test_a_file_of_signers_that_proves_nothing_is_refused(signed: Signed) -> None:
    """Missing, empty, writable by others, half a fingerprint: each with its remedy, and the approved plan goes on."""
    signed.commit(jobs("make new"), *signed.by(ADA))
    signed.signers.chmod(0o664)
    assert signed.running() == "make old"
    assert f"{signed.signers} may be written by others, so it proves nothing; chmod go-w {signed.signers}" in signed.reload.note
    signed.signers.chmod(0o644)
    signed.signers.write_text("# nobody\n")
    with pytest.raises(OctojobsError, match="names no signer"):
        read_signers(signed.signers)
    signed.signers.write_text("openpgp ABCD\n")
    with pytest.raises(OctojobsError, match="'openpgp ABCD' names no fingerprint"):
        read_signers(signed.signers)
    signed.signers.unlink()
    with pytest.raises(OctojobsError, match="there is no file of signers"):
        read_signers(signed.signers)


@pytest.fixture
def gnupg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A keyring with one key; its fingerprint."""
    if shutil.which("gpg") is None:
        pytest.skip("there is no gpg")
    home = tmp_path / "g"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    make = [
        "gpg",
        "--batch",
        "--quiet",
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        "",
        "--quick-generate-key",
        ADA,
        "ed25519",
        "sign",
        "never",
    ]
    subprocess.run(make, check=True, capture_output=True)
    listed = subprocess.run(["gpg", "--batch", "--with-colons", "--list-keys"], check=True, capture_output=True, text=True).stdout
    yield next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
    subprocess.run(["gpgconf", "--kill", "all"], check=False, capture_output=True)


def test_openpgp_keys_are_named_by_their_fingerprints(signed: Signed, gnupg: str) -> None:
    """One that the file does not name waits, in the same keyring."""
    how = ("-c", "gpg.format=openpgp", "-c", f"user.signingKey={gnupg}", "-c", "commit.gpgSign=true")
    signed.commit(jobs("make new"), *how)
    assert signed.running() == "make old"
    assert f"is signed with the OpenPGP key {gnupg}, which {signed.signers} does not name" in signed.reload.note
    signed.signers.write_text(f"openpgp {gnupg.lower()} Ada's\n")
    assert (signed.running(), signed.reload.note) == ("make new", "")
