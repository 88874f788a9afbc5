"""The options of `octojobs-validate`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from octojobs import __version__
from octojobs.config.diagnostics import Format

HELP_WIDTH = 100
"""Columns of `--help`."""


def parse(argv: Sequence[str]) -> tuple[Sequence[Path], Path | None, Format]:
    """Files, repository and format that are asked for; help, version and wrong usage end the process here (SystemExit)."""
    parser = argparse.ArgumentParser(
        prog="octojobs-validate",
        description="Check definitions of jobs: form, schedules, references. Without files, those of this folder's repository.",
        epilog="example: octojobs-validate .octopoid/jobs.yaml",
        # With a width it need not be asked for: argparse imports shutil for that, with two compressors, at each start.
        formatter_class=partial(argparse.HelpFormatter, width=HELP_WIDTH),
    )
    parser.add_argument("files", nargs="*", type=_path, metavar="FILE", help="a definition file, or a folder that holds .octopoid")
    parser.add_argument("--format", type=_format, metavar="FORMAT", default=Format.TEXT, help="text (default), json, github or sarif")
    parser.add_argument("--repo", type=_path, metavar="PATH", help="the root of the repository to check")
    parser.add_argument("--version", action="version", version=f"octojobs {__version__}")
    args = parser.parse_args(argv)
    return args.files, args.repo, args.format


def _format(text: str) -> Format:
    try:
        return Format(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(Format)}") from None


def _path(text: str) -> Path:
    """A path; an empty variable of a script must not stand for this folder."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty; name a file or a folder")
    return Path(text)
