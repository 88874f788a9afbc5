"""A verb with verbs of its own, such as `octojobs import crontab`: its help ends with examples as that of any verb does."""

from __future__ import annotations

import click

from octojobs.cli.group import Verb


class Family(Verb, click.Group):
    """A group of verbs that is a verb of `octojobs`."""
