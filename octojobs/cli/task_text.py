"""What the verbs about tasks say alike."""

from __future__ import annotations

from collections.abc import Iterable

from octojobs.cli.app import App
from octojobs.cli.text import visible
from octojobs.views.values import View


def notes(app: App, said: Iterable[str]) -> None:
    """What a person should know besides, on standard error."""
    for note in said:
        app.screen.note(f"octojobs: {visible(note)}")


def where(view: View) -> str:
    """The task's state and file."""
    return f"{view['state']}: {visible(view['path'])}"
