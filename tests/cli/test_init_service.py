"""`octojobs init --service` installs what keeps the daemon running, and says how to start it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from tests.helpers import home_of, make_repository, octojobs, script, write

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="launchd takes the place of systemd there")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """An empty repository."""
    return make_repository(tmp_path)


def units(repo: Path) -> Path:
    """Where the user's units are."""
    return home_of(repo) / ".config/systemd/user"


def test_the_unit_is_installed_and_the_next_step_is_printed(repo: Path) -> None:
    """The unit is shared by all repositories, the drop-in is this one's; the service is started by the user."""
    done = octojobs(repo, "init", "--service")
    assert done.returncode == 0, done.stderr
    (folder,) = units(repo).glob("octojobs@*.service.d")
    instance = folder.name.removesuffix(".d")
    lines = done.stdout.splitlines()
    assert f"wrote  {units(repo)}/octojobs@.service" in lines
    assert f"systemctl --user daemon-reload && systemctl --user enable --now {shlex.quote(instance)}" in done.stdout
    assert f"ExecStart={script()} up\n" in (folder / "octojobs.conf").read_text(encoding="utf-8")


def test_a_dry_run_installs_nothing(repo: Path) -> None:
    """It says what would be."""
    done = octojobs(repo, "init", "--service", "--dry-run")
    assert f"would write  {units(repo)}/octojobs@.service" in done.stdout.splitlines()
    assert not units(repo).exists()


def test_a_unit_of_somebody_elses_is_refused(repo: Path) -> None:
    """One line, exit code 1, and the file is as it was."""
    unit = write(units(repo) / "octojobs@.service", "[Service]\nExecStart=/usr/bin/other\n")
    done = octojobs(repo, "init", "--service")
    assert (done.returncode, done.stderr) == (
        1,
        f"octojobs: {unit} is there already and does not start octojobs; move it away; nothing is overwritten\n",
    )
    assert unit.read_text(encoding="utf-8") == "[Service]\nExecStart=/usr/bin/other\n"
