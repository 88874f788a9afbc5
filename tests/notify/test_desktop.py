"""A message is shown on the desktop by a program that gets it as arguments; where there is none, the reason is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from octojobs.core.channel import Channel
from octojobs.notify.failures import Refused
from tests.notify.world import MESSAGE, program, sender

DESK = Channel("desk", desktop=True)
RECORD = 'for one in "$@"; do printf \'%s\\n\' "[$one]"; done > {}; printf %s "$DBUS_SESSION_BUS_ADDRESS" > {}'


def recording(root: Path, name: str) -> str:
    """A PATH on which a program of this name writes its arguments, and the bus it would use, into the root."""
    return f"{program(root / 'bin', name, RECORD.format(root / 'argv', root / 'bus'))}"


def test_title_and_text_are_arguments_and_markup_is_text(tmp_path: Path) -> None:
    """Behind `--` none of them can be an option; a failure is urgent."""
    message = {**MESSAGE, "title": "--icon=/etc/passwd $(id)\nx", "body": "<b>3</b> & more"}
    path = recording(tmp_path, "notify-send")
    sender(tmp_path, PATH=path, DBUS_SESSION_BUS_ADDRESS="unix:path=/run/bus").send(DESK, "a", message, 0)
    assert (tmp_path / "argv").read_text() == (
        "[--app-name=octojobs]\n[--urgency=critical]\n[--]\n[--icon=/etc/passwd $(id) x]\n"
        "[&lt;b&gt;3&lt;/b&gt; &amp; more\n\n/runs/1/output.log]\n"
    )
    assert (tmp_path / "bus").read_text() == "unix:path=/run/bus"


def test_a_success_is_not_urgent(tmp_path: Path) -> None:
    """Nobody has to be called from work."""
    sender(tmp_path, PATH=recording(tmp_path, "notify-send")).send(DESK, "a", {**MESSAGE, "status": "success"}, 0)
    assert "[--urgency=normal]\n" in (tmp_path / "argv").read_text()


def test_where_there_is_osascript_it_gets_the_message_as_arguments(tmp_path: Path) -> None:
    """The script is always the same."""
    sender(tmp_path, PATH=recording(tmp_path, "osascript")).send(DESK, "a", {**MESSAGE, "title": '" & quit'}, 0)
    assert (tmp_path / "argv").read_text() == (
        "[-e]\n[on run argv]\n[-e]\n[display notification (item 2 of argv) with title (item 1 of argv)]\n[-e]\n[end run]\n[--]\n"
        '[" & quit]\n[exit code 3\n\n/runs/1/output.log]\n'
    )


def test_a_machine_without_a_desktop_says_so_at_once(tmp_path: Path) -> None:
    """A dead letter with its reason: an hour later it would be no notification any more."""
    with pytest.raises(Refused, match="there is no notify-send here, and no osascript"):
        sender(tmp_path, PATH=str(tmp_path)).send(DESK, "a", MESSAGE, 0)
    no_bus = program(tmp_path / "bin", "notify-send", "echo 'Cannot autolaunch D-Bus without X11 $DISPLAY' >&2; exit 1")
    with pytest.raises(Refused, match=r"notify-send exited with 1: Cannot autolaunch D-Bus"):
        sender(tmp_path, PATH=str(no_bus)).send(DESK, "a", MESSAGE, 0)
