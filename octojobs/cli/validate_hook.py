"""`octojobs-validate`: checks definition files and says all that is wrong; the entry of the pre-commit hook.

It imports the reader, the schema and the cron parser, and nothing else: a hook is run at every commit.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from octojobs.cli.here import here
from octojobs.cli.streams import let_go_of_output, open_standard_streams
from octojobs.config.blob import blob_id
from octojobs.config.diagnostics import Format, Report, render
from octojobs.config.disk import read_folder
from octojobs.config.files import FOLDER
from octojobs.config.loader import Loaded, Loader
from octojobs.engine.clock import SystemClock
from octojobs.engine.zonedata import use_newest
from octojobs.errors import ExitCode, InvalidDefinitions, UsageError


def main(argv: Sequence[str] | None = None) -> int:
    """The console script; returns the exit code: 0 valid, 2 problems, wrong usage, or nothing to check."""
    open_standard_streams()
    files, repo, form = _asked(sys.argv[1:] if argv is None else argv)
    use_newest()
    try:
        report = check(files, repo)
    except UsageError as error:
        print(f"octojobs-validate: {error}", file=sys.stderr)
        return ExitCode.USAGE
    terminal = sys.stdout.isatty()
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    try:
        if text := render(report, form, terminal=terminal, colour=colour):
            print(text, flush=True)
    except BrokenPipeError:
        let_go_of_output()  # whoever reads has seen enough; what was found stays the exit code
    except OSError as error:
        let_go_of_output()
        print(f"octojobs-validate: the result can't be written: {os.strerror(error.errno or 0).lower()}", file=sys.stderr)
        return ExitCode.FAILED
    return ExitCode.OK if report.valid else ExitCode.USAGE


def _asked(argv: Sequence[str]) -> tuple[Sequence[Path], Path | None, Format]:
    """Files, repository and format. A hook names files at most: argparse, a fifteenth of its time, is for who asks for more."""
    if all(word and not word.startswith("-") for word in argv):
        return [Path(word) for word in argv], None, Format.TEXT
    from octojobs.cli.validate_options import parse  # as above

    return parse(argv)


def check(files: Sequence[Path], repo: Path | None) -> Report:
    """What came of the files, each with the other definition files of its repository; without files, of `repo` or of this one.

    Raises UsageError when there is nothing to check.
    """
    roots: dict[Path, None] = {}
    alone: list[Path] = []
    for file in files:
        if not file.exists():
            raise UsageError(f"{file}: there is no such file", "nothing was checked")
        root = _root_of(file)
        if root is not None:
            roots[root] = None
        else:
            alone.append(file)
    if repo is not None or not files:
        roots[_root(repo)] = None
    reports = [_check_root(root) for root in roots] + [_check_alone(file) for file in alone]
    contents = {path: content for report in reports for path, content in report.contents.items()}
    problems = sorted(problem for report in reports for problem in report.problems)
    return Report(problems, sum(report.jobs for report in reports), sum(report.files for report in reports), contents)


def _root_of(file: Path) -> Path | None:
    """The folder whose `.octopoid` the file is in, or is; another folder itself; None for a file of its own."""
    absolute = Path(os.path.abspath(file))  # not resolved: a link in the place of a file is to be seen
    root = next((place.parent for place in (absolute, *absolute.parents) if place.name == FOLDER), None)
    return file if root is None and file.is_dir() else root


def _root(repo: Path | None) -> Path:
    """The folder with `.octopoid`: `repo`, else this one or the nearest above it."""
    if repo is not None:
        if not (repo / FOLDER).is_dir():
            raise UsageError(f"nothing was checked: there is no {FOLDER} in {repo}", "name the repository's root")
        return repo
    start = here()
    for folder in (start, *start.parents):
        if (folder / FOLDER).is_dir():
            return folder
    raise UsageError(f"nothing was checked: there is no {FOLDER} in {start} or above it", "name files, or write jobs with `octojobs init`")


def _check_root(root: Path) -> Report:
    try:
        jobs_file, files = read_folder(root)
    except InvalidDefinitions as refused:
        return _report(Loaded(None, refused.problems), {}, root)
    loaded = Loader().load(files, source="worktree", jobs_file=jobs_file, now=SystemClock().now())
    return _report(loaded, {path: content for path, (_, content) in files.items()}, root)


def _check_alone(file: Path) -> Report:
    """A file outside any `.octopoid`: a file of jobs by itself."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}", "nothing was checked") from None
    path = str(file)
    loaded = Loader().load({path: (blob_id(content), content)}, source="worktree", jobs_file=path, now=SystemClock().now())
    return _report(loaded, {path: content}, Path())


def _report(loaded: Loaded, contents: dict[str, bytes], root: Path) -> Report:
    """The report, its paths as seen from the current folder."""
    prefix = os.path.relpath(root)
    shown = {
        path: path if prefix == "." else os.path.join(prefix, path) for path in {*contents, *(problem.path for problem in loaded.problems)}
    }
    problems = [replace(problem, path=shown[problem.path]) for problem in loaded.problems]
    jobs = len(loaded.definitions.jobs) if loaded.definitions else 0
    return Report(problems, jobs, len(contents), {shown[path]: content for path, content in contents.items()})


if __name__ == "__main__":
    sys.exit(main())
