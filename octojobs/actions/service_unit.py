"""The service that keeps `octojobs up` running for a user: a systemd user unit, or a launchd agent on macOS."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path

import octojobs
from octojobs.actions.workspace import Workspace
from octojobs.config.exchange import launchd, systemd
from octojobs.config.replace import replace_file
from octojobs.errors import OctojobsError, UsageError
from octojobs.slotted import dataclass

DROP_IN = "octojobs.conf"
_MARK = "# Written by `octojobs init --service`, which writes it anew when octojobs was installed elsewhere.\n"
_STARTS_US = re.compile(r'octojobs"? up$|<string>up</string>', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Installed:
    """What stands where: files that are new, files that were there and stay as they are, and the command that starts the service."""

    written: tuple[Path, ...]
    kept: tuple[Path, ...]
    start: str


def template() -> str:
    """The text of `contrib/systemd/octojobs@.service`: from the wheel, or from beside the package in a checkout."""
    package = Path(octojobs.__file__).parent
    for folder in (package / "contrib", package.parent / "contrib"):
        file = folder / "systemd" / systemd.TEMPLATE
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise FileNotFoundError(f"{systemd.TEMPLATE} is neither in {package} nor beside it")


def program() -> tuple[str, ...]:
    """How to start this very octojobs from anywhere: the absolute path of its console script."""
    called = shutil.which(sys.argv[0]) if Path(sys.argv[0]).name == "octojobs" else None
    beside = Path(sysconfig.get_path("scripts")) / "octojobs"
    found = called or (str(beside) if beside.is_file() else shutil.which("octojobs"))
    if found is None:
        raise UsageError("the console script `octojobs` can't be found", "put it on PATH")
    return (str(Path(found).absolute()),)


def install_service(workspace: Workspace, *, dry_run: bool = False) -> Installed:
    """Put the service's files where the user's service manager looks, and overwrite none; `dry_run` only says what would be.

    The template is the same for all repositories; what differs, the program of this installation, stands in a drop-in of the
    repository's own instance.
    """
    return _install_agent(workspace, dry_run) if sys.platform == "darwin" else _install_unit(workspace, dry_run)


def installed_unit(workspace: Workspace) -> Path | None:
    """The systemd unit by which this user's manager runs the repository's daemon; None where none is installed."""
    if sys.platform == "darwin":
        return None
    units = _units(workspace)
    exported = units / systemd.daemon_unit(template(), workspace.root, ("/usr/bin/env",)).name
    if (units / f"{_instance(workspace)}.d" / DROP_IN).exists():
        return units / _instance(workspace)
    return exported if exported.exists() else None


def _units(workspace: Workspace) -> Path:
    """Where the user's units are."""
    config = workspace.environ.get("XDG_CONFIG_HOME", "")
    return (Path(config) if config.startswith("/") else Path.home() / ".config") / "systemd/user"


def _instance(workspace: Workspace) -> str:
    return f"octojobs@{systemd.escape_path(workspace.root)}.service"


def _install_unit(workspace: Workspace, dry_run: bool) -> Installed:
    units, instance = _units(workspace), _instance(workspace)
    files = {units / systemd.TEMPLATE: template(), units / f"{instance}.d" / DROP_IN: _MARK + systemd.drop_in(program())}
    start = f"systemctl --user daemon-reload && systemctl --user enable --now {shlex.quote(instance)}"
    return _put(files, start, dry_run)


def _install_agent(workspace: Workspace, dry_run: bool) -> Installed:
    agent = launchd.daemon_agent(workspace.root, program(), log_file(workspace.root))
    path = Path.home() / "Library/LaunchAgents" / agent.name
    return _put({path: agent.text}, f"launchctl bootstrap gui/$(id -u) {shlex.quote(str(path))}", dry_run)


def log_file(root: Path) -> Path:
    """Where a launchd agent's own words go; what jobs print is in their runs."""
    return Path.home() / "Library/Logs" / f"{launchd.label_of(root)}.log"


def _put(files: dict[Path, str], start: str, dry_run: bool) -> Installed:
    kept = tuple([path for path, text in files.items() if (path.exists() or path.is_symlink()) and _stays(path, text)])
    written = tuple([path for path in files if path not in kept])
    if not dry_run:
        for path in written:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, files[path].encode(), 0o644)
    return Installed(written, kept, start)


def _stays(path: Path, text: str) -> bool:
    """Whether the file that is there is left as it is: it says the same, or a person has adapted it.

    Raises OctojobsError for a file that does not start octojobs: it is somebody else's.
    """
    try:
        before = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        before = ""  # a dangling link, a folder
    if not _STARTS_US.search(before):
        raise OctojobsError(f"{path} is there already and does not start octojobs", "move it away; nothing is overwritten")
    return before == text or not before.startswith(_MARK)
