"""`octojobs-validate`: what it checks, what it prints, and how it exits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from octojobs.cli import validate_hook
from tests.helpers import script, write

GOOD = "jobs: {a: {interval: 1h, command: make}}\n"
BAD = "jobs:\n  a:\n    interval: 1h\n    comand: make\n"


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with definitions, the current one."""
    write(tmp_path / ".octopoid/jobs.yaml", GOOD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = validate_hook.main(args)
    out, err = capsys.readouterr()
    return code, out, err


def test_what_is_valid_passes_with_one_line(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Named, found from a folder below, or by `--repo`."""
    write(repo / "src/x.py", "")
    assert _run(capsys) == (0, "ok: 1 job in 1 file\n", "")
    assert _run(capsys, ".octopoid/jobs.yaml") == (0, "ok: 1 job in 1 file\n", "")
    os.chdir(repo / "src")
    assert _run(capsys) == (0, "ok: 1 job in 1 file\n", "")
    assert _run(capsys, "--repo", "..") == (0, "ok: 1 job in 1 file\n", "")
    assert _run(capsys, str(repo)) == (0, "ok: 1 job in 1 file\n", "")


def test_problems_exit_2_with_paths_from_here(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that an editor can follow them."""
    write(repo / ".octopoid/jobs.yaml", BAD)
    write(repo / "src/x.py", "")
    message = 'job "a": unknown field "comand"; did you mean "command"?\n'
    assert _run(capsys) == (2, f".octopoid/jobs.yaml:4:5: {message}", "")
    os.chdir(repo / "src")
    assert _run(capsys) == (2, f"../.octopoid/jobs.yaml:4:5: {message}", "")


def test_a_named_file_is_checked_with_the_others_of_its_repository(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it names may stand in another file, and another file may name what it no longer has."""
    write(repo / ".octopoid/octojobs.yaml", "pools: {heavy: 1}\n")
    write(repo / ".octopoid/jobs/b.yaml", "interval: 1h\ncommand: make\npool: heavy\non_success: {run: a}\n")
    assert _run(capsys, ".octopoid/jobs/b.yaml") == (0, "ok: 2 jobs in 3 files\n", "")
    write(repo / ".octopoid/jobs.yaml", "jobs: {}\n")
    code, out, _ = _run(capsys, ".octopoid/jobs.yaml")
    assert (code, out) == (2, '.octopoid/jobs/b.yaml:4:19: job "b": on_success.run: there is no job "a"; declare it, or remove this\n')


def test_files_of_other_programs_in_the_folder_are_not_read(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The hook is given all YAML files there; the definitions are checked whichever of them changed."""
    write(repo / ".octopoid/flows/default.yaml", "{{ not yaml")
    assert _run(capsys, ".octopoid/flows/default.yaml") == (0, "ok: 1 job in 1 file\n", "")


def test_a_file_outside_any_repository_is_checked_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a file of jobs; in a folder called `jobs` it may be one job."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "mine.yaml", BAD)
    write(tmp_path / "jobs/daily.yaml", "schedule: '@daily'\ncommand: make\n")
    assert _run(capsys, "mine.yaml") == (2, 'mine.yaml:4:5: job "a": unknown field "comand"; did you mean "command"?\n', "")
    assert _run(capsys, "jobs/daily.yaml") == (0, "ok: 1 job in 1 file\n", "")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "nothing was checked: there is no .octopoid in {here} or above it; name files, or write jobs with `octojobs init`"),
        (("--repo", "."), "nothing was checked: there is no .octopoid in .; name the repository's root"),
        (("gone.yaml",), "gone.yaml: there is no such file; nothing was checked"),
    ],
)
def test_a_run_that_checks_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], message: str
) -> None:
    """A hook that passes because it looked in the wrong place is worse than none."""
    monkeypatch.chdir(tmp_path)
    assert _run(capsys, *args) == (2, "", f"octojobs-validate: {message.format(here=tmp_path)}\n")


def test_a_folder_without_jobs_is_nothing_to_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`.octopoid` alone declares nothing."""
    (tmp_path / ".octopoid").mkdir()
    code, out, _ = _run(capsys, "--repo", str(tmp_path))
    assert code == 2
    assert out.endswith("jobs.yaml: there is no such file, and no other that declares jobs; write one with `octojobs init`\n")


def test_links_in_the_place_of_files_are_refused(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What they point to is not what was reviewed; the daemon refuses them, too."""
    (repo / ".octopoid/jobs.yaml").rename(repo / "elsewhere.yaml")
    (repo / ".octopoid/jobs.yaml").symlink_to(repo / "elsewhere.yaml")
    code, out, _ = _run(capsys)
    assert code == 2
    assert out.startswith(".octopoid/jobs.yaml: this is a symbolic link, not a file; ")


def test_a_past_once_is_a_warning(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The only thing that depends on when it is asked."""
    write(repo / ".octopoid/jobs.yaml", 'jobs: {a: {schedule: "@once 2020-01-01T00:00Z", command: make}}')
    code, out, _ = _run(capsys)
    assert (code, out.splitlines()) == (
        0,
        [
            '.octopoid/jobs.yaml:1:22: warning: job "a": schedule: 2020-01-01T00:00:00Z is past; remove the job, or give it a new instant',
            "ok: 1 job in 1 file",
        ],
    )


@pytest.mark.parametrize("style", ["json", "github", "sarif"])
def test_machines_get_their_format(repo: Path, capsys: pytest.CaptureFixture[str], style: str) -> None:
    """With the same exit code."""
    write(repo / ".octopoid/jobs.yaml", BAD)
    code, out, err = _run(capsys, "--format", style)
    assert (code, err) == (2, "")
    assert out.startswith("::error file=.octopoid/jobs.yaml,line=4,col=5,") if style == "github" else json.loads(out)


def test_a_format_that_there_is_not_is_told_with_those_that_there_are(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage is exit code 2."""
    with pytest.raises(SystemExit) as left:
        validate_hook.main(["--format", "xml", str(repo)])
    said = "octojobs-validate: error: argument --format: 'xml' is not one of text, json, github, sarif"
    assert (left.value.code, capsys.readouterr().err.splitlines()[-1]) == (2, said)


def test_what_the_terminal_cannot_show_is_escaped(repo: Path) -> None:
    """The console script in an ASCII world, with a name that isn't."""
    write(repo / ".octopoid/jobs.yaml", "jobs: {naïve: {interval: 1h, command: make}}\n")
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([script("octojobs-validate")], cwd=repo, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.startswith(r'.octopoid/jobs.yaml:1:8: "na\xefve" is not a job name; ')


@pytest.mark.parametrize(
    ("redirection", "code", "said"),
    [
        (">&-", 2, ""),
        ("2>&-", 2, None),
        ("<&- >&- 2>&-", 2, ""),
        ("| head -c 0", 2, ""),
        (">/dev/full", 1, "octojobs-validate: the result can't be written: no space left on device\n"),
    ],
)
def test_what_becomes_of_the_output_is_no_mistake_of_ours(redirection: str, code: int, said: str | None, repo: Path) -> None:
    """A closed stream, a reader that has gone, a full disk: no traceback, and what was found stays the exit code."""
    write(repo / ".octopoid/jobs.yaml", BAD)
    shell = ["bash", "-o", "pipefail", "-c", f'"$0" {redirection}', script("octojobs-validate")]
    done = subprocess.run(shell, cwd=repo, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code
    assert said is None or done.stderr == said


def test_an_empty_name_is_no_folder_to_check(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty variable of a script must not mean that all is well."""
    with pytest.raises(SystemExit) as left:
        _run(capsys, "")
    assert left.value.code == 2
    assert "argument FILE: it is empty; name a file or a folder\n" in capsys.readouterr().err
    assert repo.exists()


def test_the_happy_path_imports_only_what_it_needs(repo: Path) -> None:
    """A hook is run at every commit: what explains, shows and edits stays out until it is needed."""
    program = "import sys; from octojobs.cli.validate_hook import main; code = main([]); print(*sorted(sys.modules)); sys.exit(code)"
    done = subprocess.run([sys.executable, "-c", program], cwd=repo, capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split("\n")[1].split())
    assert not loaded & {
        "argparse",
        "shutil",
        "jsonschema",
        "octojobs.core.agent",
        "octojobs.core.channel",
        "referencing",
        "attrs",
        "rich",
        "click",
        "git",
        "ruamel",
        "watchdog",
        "psutil",
        "difflib",
        "croniter",
    }
