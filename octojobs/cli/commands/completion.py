"""`octojobs completion`: the lines that a shell reads to complete octojobs' verbs, options and job names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from octojobs.cli.app import App
from octojobs.cli.group import Verb
from octojobs.errors import UsageError

SHELLS = ("bash", "zsh", "fish")


@click.command(
    "completion",
    cls=Verb,
    examples=[
        ('eval "$(octojobs completion bash)"', "in ~/.bashrc"),
        ('eval "$(octojobs completion zsh)"', "in ~/.zshrc, after compinit"),
        ("octojobs completion fish | source", "in ~/.config/fish/config.fish"),
    ],
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_obj
def command(app: App, shell: str) -> None:
    """Print what SHELL reads to complete verbs, options and the names of jobs."""
    kind = get_completion_class(shell)
    root = click.get_current_context().find_root()
    if kind is None:
        raise UsageError(f"there is no completion for {shell}", "use bash, zsh or fish")
    app.screen.say(kind(root.command, {}, "octojobs", "_OCTOJOBS_COMPLETE").source())
