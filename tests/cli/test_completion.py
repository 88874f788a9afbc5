"""Shell completion: verbs from their table, names of jobs from the repository, and never an error."""

from __future__ import annotations

from pathlib import Path

from tests.helpers import make_repository, octojobs


def _completed(folder: Path, line: str) -> list[str]:
    words = line.split(" ")
    done = octojobs(folder, _OCTOJOBS_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
    assert done.returncode == 0, done.stderr
    return [one.partition(",")[2] for one in done.stdout.split()]


def test_names_of_verbs_complete(tmp_path: Path) -> None:
    """From what was typed."""
    assert _completed(tmp_path, "octojobs va") == ["validate"]
    assert "--version" in _completed(tmp_path, "octojobs --v")


def test_names_of_jobs_complete(tmp_path: Path) -> None:
    """Where a verb takes one."""
    repo = make_repository(
        tmp_path, {".octopoid/jobs.yaml": "jobs: {nightly: {manual: true, command: x}, noon: {manual: true, command: x}}\n"}
    )
    assert _completed(repo, "octojobs inspect n") == ["nightly", "noon"]


def test_names_of_agents_complete(tmp_path: Path) -> None:
    """The repository's own, and those that are shipped."""
    files = {".octopoid/jobs.yaml": "jobs: {}\n", ".octopoid/agents/careful/agent.yaml": "profile: claude\n"}
    repo = make_repository(tmp_path, files)
    assert _completed(repo, "octojobs agent run c") == ["careful", "claude", "codex", "copilot"]


def test_what_can_t_be_read_completes_to_nothing(tmp_path: Path) -> None:
    """Outside git, or with a broken file: silence."""
    assert _completed(tmp_path, "octojobs inspect n") == []
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": "jobs: [\n"})
    assert _completed(repo, "octojobs inspect n") == []
