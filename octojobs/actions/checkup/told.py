"""Who is told: whether the channels that jobs name can deliver from here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec

from octojobs.actions.checkup.finding import Finding, weak, wrong
from octojobs.actions.workspace import Workspace
from octojobs.config.own_channels import read_own
from octojobs.core.channel import Channel, find
from octojobs.core.definitions import Definitions
from octojobs.notify.desktop import PROGRAMS
from octojobs.notify.needs import library_of, secrets_of
from octojobs.runners.base import NotPreparable
from octojobs.runners.secret_values import secret_values

_UNTIL = "until then its messages wait, or are dead letters"


def told(workspace: Workspace, definitions: Definitions) -> Iterator[Finding]:
    """All findings about channels; the environment is this one, which may not be the daemon's."""
    named = [name for job in definitions.jobs.values() for name in (*job.channels, *filter(None, [job.output]))]
    if not named:
        return
    own = read_own(workspace.environ)
    if own.wrong:
        yield wrong("channels", own.wrong, "until then nobody is told")
    there = {**definitions.settings.channels, **own.channels}
    for channel in {name: found for name in named if (found := find(there, name)[0]) is not None}.values():
        yield from _channel(workspace, channel)


def _channel(workspace: Workspace, channel: Channel) -> Iterator[Finding]:
    subject = f"channel {channel.name}"
    module, extra = library_of(channel)
    if module and find_spec(module) is None:
        yield weak(subject, f"{module} is not installed", f"pip install 'octojobs[{extra}]'; {_UNTIL}")
    path = workspace.environ.get("PATH")
    if channel.desktop and not any(shutil.which(program, path=path) for program in PROGRAMS):
        yield weak(
            subject, "there is no notify-send here, and no osascript", "install libnotify-bin; until then its messages are dead letters"
        )
    try:
        secret_values(secrets_of(channel), workspace.environ)
    except NotPreparable as error:
        yield weak(subject, str(error), _UNTIL)
