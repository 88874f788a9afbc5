"""What a run would start, told: for `--dry-run`."""

from __future__ import annotations

import shlex

from octojobs.actions.by_hand import Preview
from octojobs.cli.app import App
from octojobs.cli.screen import Screen
from octojobs.cli.text import visible
from octojobs.core.sandbox import Backend, Sandbox


def show_preview(app: App, shown: Preview) -> None:
    """Its command, folder and environment, what keeps it apart, and what its conditions say."""
    screen = app.screen
    screen.say(f"would run: {visible(shlex.join(shown.argv))}")
    screen.say(f"in: {visible(str(shown.cwd))}")
    if (order := shown.order) is not None:
        what = visible(shlex.join(order.argv)) or "the agent's program"
        screen.say(f"which runs, in a sandbox ({order.sandbox.backend.value}): {what}")
        screen.say(f"in: {visible(str(order.folder))}")
        screen.say(f"worktree: {visible(str(order.tree))} at {order.whose.base or 'HEAD'}")
        _show_sandbox(screen, order.sandbox)
    for verdict in shown.verdicts:
        screen.say(f"condition {verdict.guard}: {verdict.status.value}: {visible(verdict.evidence)}")
    screen.say("environment:")
    for name, value in shown.env.items():
        screen.say(f"  {name}={visible(value)}")


def _show_sandbox(screen: Screen, sandbox: Sandbox) -> None:
    """What it lets through; a worktree alone keeps nothing out."""
    if sandbox.backend is Backend.WORKTREE:
        return
    if sandbox.image:
        screen.say(f"image: {visible(sandbox.image)}")
    screen.say(f"network: {'yes' if sandbox.network is True else visible(sandbox.network or 'none')}")
    for mount in sandbox.mounts:
        screen.say(f"shows: {visible(mount.source)} as {visible(mount.target or mount.source)}, {'to write' if mount.write else 'to read'}")
