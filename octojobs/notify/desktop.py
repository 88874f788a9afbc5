"""A notification on the desktop of whoever started the daemon: `notify-send`, or `osascript` on macOS."""

from __future__ import annotations

import html
import os
import shutil
from collections.abc import Mapping

from octojobs.core.environment import narrowed
from octojobs.core.task import line
from octojobs.notify.failures import Refused
from octojobs.notify.parcel import TIMEOUT_S, Parcel
from octojobs.process import run

PROGRAMS = ("notify-send", "osascript")
SESSION = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS")
"""What leads to the desktop."""
MISSING = "there is no notify-send here, and no osascript: install libnotify-bin, or name a `command`"
LONGEST = 1000
"""Characters: a notification is a glance."""
_SCRIPT = ("on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run")


def send(parcel: Parcel) -> None:
    """Show it. Raises Refused where it can't be shown: an hour later it is no notification any more."""
    argv = _argv(parcel, parcel.environ)
    session = {name: parcel.environ[name] for name in SESSION if name in parcel.environ}
    try:
        done = run(argv, timeout_s=TIMEOUT_S, cwd=parcel.root, env={**narrowed(parcel.environ), **session})
    except (OSError, ValueError) as error:
        raise Refused(f"{argv[0]} can't be started: {error}") from None
    if not done.ok:
        said = line(done.stderr.decode("utf-8", "replace"))[:200]
        how = f"did not end within {TIMEOUT_S:g} s" if done.timed_out else f"exited with {done.exit_code}"
        raise Refused(f"{os.path.basename(argv[0])} {how}{f': {said}' if said else ''}")


def _argv(parcel: Parcel, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Title and text are arguments of their own; behind `--` none can be an option, and markup is text."""
    title, text = line(parcel.message["title"]), parcel.text[:LONGEST]
    path = environ.get("PATH")
    if program := shutil.which("notify-send", path=path):
        urgency = "normal" if parcel.message["status"] == "success" else "critical"
        return (program, "--app-name=octojobs", f"--urgency={urgency}", "--", title, html.escape(text, quote=False))
    if program := shutil.which("osascript", path=path):
        return (program, *(part for one in _SCRIPT for part in ("-e", one)), "--", title, text)
    raise Refused(MISSING)
