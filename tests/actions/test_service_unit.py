"""The service of a user: which files stand where, and that nobody's are overwritten."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from octojobs.actions.service_unit import Installed, install_service, program, template
from octojobs.actions.workspace import Workspace
from octojobs.errors import OctojobsError
from tests.helpers import ROOT, make_repository, script, write

Install = Callable[[], Installed]

not_macos = pytest.mark.skipif(sys.platform == "darwin", reason="launchd takes the place of systemd there")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Where the user's units are."""
    return tmp_path / "config/systemd/user"


@pytest.fixture
def install(tmp_path: Path, units: Path) -> Install:
    """Installs the service of the repository `my-app`."""
    make_repository(tmp_path).rename(tmp_path / "my-app")
    workspace = Workspace.open(tmp_path / "my-app")
    workspace.environ = {"XDG_CONFIG_HOME": str(units.parents[1])}
    return lambda: install_service(workspace)


def drop_in(units: Path) -> Path:
    """The only drop-in."""
    (found,) = units.glob("octojobs@*.service.d/octojobs.conf")
    return found


def test_the_template_is_the_one_in_contrib_and_it_is_shipped() -> None:
    """One text, in the checkout and in the wheel."""
    assert template() == (ROOT / "contrib/systemd/octojobs@.service").read_text(encoding="utf-8")
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert build["force-include"]["contrib"] == "octojobs/contrib"


def test_the_program_is_the_console_script_of_this_installation() -> None:
    """By its absolute path: a service manager knows no virtual environment."""
    assert program() == (script(),)


@not_macos
def test_the_template_and_a_drop_in_for_this_repository_are_written(install: Install, units: Path) -> None:
    """The drop-in has the program; the last step is the user's."""
    installed = install()
    assert installed.kept == ()
    assert installed.written == (units / "octojobs@.service", drop_in(units))
    assert (units / "octojobs@.service").read_text(encoding="utf-8") == template()
    assert f"\nExecStart=\nExecStart={script()} up\n" in drop_in(units).read_text(encoding="utf-8")
    instance = drop_in(units).parent.name.removesuffix(".d")
    assert instance.endswith("my\\x2dapp.service")
    assert installed.start == f"systemctl --user daemon-reload && systemctl --user enable --now '{instance}'"


@not_macos
def test_a_second_time_changes_nothing(install: Install) -> None:
    """The files are there already."""
    first = install()
    second = install()
    assert (second.written, second.kept, second.start) == ((), first.written, first.start)


@not_macos
def test_a_template_that_was_adapted_is_kept_and_a_drop_in_of_ours_is_renewed(install: Install, units: Path) -> None:
    """The program may have moved; what a person wrote stays, in either."""
    install()
    write(units / "octojobs@.service", "[Service]\nExecStart=/usr/bin/env octojobs up\nNice=5\n")
    text = drop_in(units).read_text(encoding="utf-8")
    write(drop_in(units), text.replace(script(), "/old/octojobs"))
    installed = install()
    assert (installed.kept, installed.written) == ((units / "octojobs@.service",), (drop_in(units),))
    assert drop_in(units).read_text(encoding="utf-8") == text
    write(drop_in(units), "[Service]\nExecStart=\nExecStart=/my/own/octojobs up\n")
    assert install().written == ()


@not_macos
def test_a_file_that_is_somebody_elses_is_refused(install: Install, units: Path) -> None:
    """Nothing is written beside it."""
    write(units / "octojobs@.service", "[Service]\nExecStart=/usr/bin/other\n")
    with pytest.raises(OctojobsError) as refused:
        install()
    assert str(refused.value) == (
        f"{units}/octojobs@.service is there already and does not start octojobs; move it away; nothing is overwritten"
    )
    assert [path.name for path in units.iterdir()] == ["octojobs@.service"]


@not_macos
def test_a_dry_run_writes_nothing(tmp_path: Path, units: Path) -> None:
    """It says what would be."""
    workspace = Workspace.open(make_repository(tmp_path))
    workspace.environ = {"XDG_CONFIG_HOME": str(units.parents[1])}
    assert [path.name for path in install_service(workspace, dry_run=True).written] == ["octojobs@.service", "octojobs.conf"]
    assert not units.exists()
