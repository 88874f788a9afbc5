"""What the verbs show where the newest definitions are not those that run: a broken commit, a plan that waits, damaged state."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from octojobs.actions.workspace import Workspace
from tests.cli.conftest import Call
from tests.helpers import commit_files, git, make_repository, octojobs, write

FILE = ".octopoid/jobs.yaml"
GOOD = "jobs:\n  a: {interval: 1d, command: 'echo a'}\n"
BROKEN = "jobs:\n  a: {intervall: 1d, command: 'echo a'}\n"
PAST = "jobs:\n  o: {schedule: '@once 2020-01-01T00:00:00Z', command: 'true'}\n"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that ran a good commit, and now stands on a broken one."""
    repo = make_repository(tmp_path_factory.mktemp("broken"), {FILE: GOOD})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    assert octojobs(repo, "tick").returncode == 0
    commit_files(repo, {FILE: BROKEN})
    return repo


@pytest.fixture
def broken(ran: Path, at_home: Callable[[Path], Path]) -> tuple[Path, str]:
    """The same for calls in this process, and the sentence that says how it is."""
    at_home(ran)
    bad, good = git(ran, "rev-list", "HEAD").split()
    return ran, f"commit {bad[:7]} has 1 problem in its definitions; the definitions of commit {good[:7]} stay in force"


@pytest.fixture
def copied(ran: Path, tmp_path: Path) -> Path:
    """A copy for tests that change it; nobody has allowed it."""
    return shutil.copytree(ran, tmp_path / "copied")


@pytest.mark.parametrize("arguments", [["list"], ["next"], ["next", "a"], ["plan"], ["inspect", "a"]], ids=" ".join)
def test_on_a_broken_commit_the_last_good_definitions_are_shown(arguments: list[str], broken: tuple[Path, str], call: Call) -> None:
    """They are what `up` would run; a remark says why."""
    repo, note = broken
    said = call(repo, *arguments)
    assert said.code == 0
    assert "a" in said.out or "nothing is due" in said.err
    assert note in said.err


def test_status_on_a_broken_commit_is_exit_1_and_shows_what_is_in_force(broken: tuple[Path, str], call: Call) -> None:
    """What comes next, how many jobs there are, and what to mend."""
    repo, note = broken
    said = call(repo, "status", "--json")
    assert said.code == 1
    assert said.json["jobs"]["declared"] == 1
    assert [one["job"] for one in said.json["next"]] == ["a"]
    assert said.json["source"]["note"] == note
    (problem,) = said.json["problems"]
    assert problem["what"].startswith("the definitions have 1 problem, the first: .octopoid/jobs.yaml:2:")
    assert problem["what"].endswith(note[-30:])
    assert problem["fix"] == "`octojobs validate` shows them all"


def test_a_mended_working_tree_only_has_to_be_committed(copied: Path, call: Call) -> None:
    """`validate` would find nothing wrong there."""
    write(copied / FILE, GOOD)
    assert call(copied, "status", "--json").json["problems"][-1]["fix"] == "the working tree's are fine: commit them"


def test_a_branch_without_definitions_takes_no_job_away(copied: Path, call: Call) -> None:
    """As for the daemon: only a readable file can."""
    git(copied, "rm", "-rq", ".octopoid")
    git(copied, "commit", "-qm", "gone")
    said = call(copied, "list")
    assert said.out.startswith("a\tevery 1d\t")
    assert " has no .octopoid/jobs.yaml; the definitions of commit " in said.err


def test_a_run_by_hand_is_of_the_definitions_in_force(broken: tuple[Path, str], call: Call) -> None:
    """As the daemon would start it."""
    repo, note = broken
    said = call(repo, "run-now", "a", "--dry-run")
    assert said.code == 0
    assert said.out.startswith("would run: sh -c 'echo a'\n")
    assert said.err == f"octojobs: {note}\n"


def test_a_pass_with_the_last_good_definitions_is_exit_1(broken: tuple[Path, str], call: Call) -> None:
    """A cron line must not see success while the commit is broken."""
    repo, note = broken
    for verb in (["tick"], ["up", "--once"]):
        said = call(repo, *verb)
        assert (said.code, said.err) == (1, f"octojobs: {note}\nnothing was due\n")


def test_reading_a_broken_commit_writes_nothing(tmp_path: Path, call: Call) -> None:
    """Where nothing ever ran there are no last good ones: exit 2, and no state folder."""
    repo = make_repository(tmp_path, {FILE: BROKEN})
    assert call(repo, "list").code == 2
    assert not (repo / ".git/octojobs").exists()


def test_the_state_is_found_although_a_job_is_broken(tmp_path: Path, at_home: Callable[[Path], Path], call: Call) -> None:
    """`state_dir` of the settings holds, whatever is wrong elsewhere."""
    settings = {".octopoid/octojobs.yaml": f"state_dir: {tmp_path / 'kept'}\n"}
    repo = make_repository(tmp_path, {FILE: GOOD, **settings})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    assert octojobs(repo, "tick").returncode == 0
    commit_files(repo, {FILE: BROKEN})
    at_home(repo)
    assert call(repo, "status", "--json").json["state"] == str(tmp_path / "kept")
    assert call(repo, "list", "--json").json["jobs"][0]["last_outcome"] == "succeeded"


def test_at_level_plan_the_approved_definitions_are_shown(tmp_path: Path, call: Call) -> None:
    """Until somebody allows the change; `allow` shows the change itself."""
    repo = make_repository(tmp_path, {FILE: GOOD})
    call(repo, "allow", "--yes", "--level", "plan")
    commit_files(repo, {FILE: GOOD + "  b: {interval: 1d, command: 'echo b'}\n"})
    said = call(repo, "list")
    assert [line.split("\t")[0] for line in said.out.splitlines()] == ["a"]
    assert " changes the plan and waits for `octojobs allow`; the definitions of commit " in said.err
    said = call(repo, "run-now", "b")
    assert (said.code, said.err) == (2, 'octojobs: job "b" waits for approval; `octojobs allow` shows the change, and asks\n')
    call(repo, "allow", "--yes")
    said = call(repo, "list")
    assert [line.split("\t")[0] for line in said.out.splitlines()] == ["a", "b"]
    assert said.err == ""


def test_damaged_state_leaves_the_definitions(copied: Path, call: Call) -> None:
    """`list` shows what is declared, says what is wrong with the state, and exits 5."""
    commit_files(copied, {FILE: GOOD})
    write(copied / ".git/octojobs/state.json", "{}")
    for name in ("state.json.bak", "journal.jsonl", "journal.jsonl.bak"):
        (copied / ".git/octojobs" / name).unlink(missing_ok=True)
    said = call(copied, "list")
    assert said.code == 5
    assert said.out.startswith("a\tevery 1d\t")
    assert said.err.startswith("octojobs: ")
    assert call(copied, "list", "--json").json["damage"] == said.err.removeprefix("octojobs: ").removesuffix("\n")


def test_an_instant_that_is_past_is_a_warning_everywhere(tmp_path: Path, call: Call) -> None:
    """`list` and `status` say it as `validate` does; nothing is wrong for that."""
    repo = make_repository(tmp_path, {FILE: PAST})
    call(repo, "allow", "--yes")
    what = f'{FILE}:2:17: job "o": schedule: 2020-01-01T00:00:00Z is past'
    warning = {"what": what, "fix": "remove the job, or give it a new instant"}
    assert call(repo, "list", "--json").json["warnings"] == [warning]
    assert call(repo, "list").err == f"warning: {what}; remove the job, or give it a new instant\n"
    said = call(repo, "status", "--json")
    assert (said.code, said.json["warnings"], said.json["problems"]) == (0, [warning], [])
    assert "warnings    1 warning\n" in call(repo, "status").out


def test_what_the_commit_and_the_working_tree_share_is_parsed_once(tmp_path: Path) -> None:
    """One loader for both: equal files are the same jobs."""
    repo = make_repository(tmp_path, {FILE: GOOD})
    workspace = Workspace.open(repo)
    assert workspace.loaded.definitions is not None
    assert workspace.working_tree.definitions is not None
    here, there = workspace.loaded.definitions.jobs, workspace.working_tree.definitions.jobs
    assert [job is there[name] for name, job in here.items()] == [True]


def test_trust_remembers_where_definitions_are_read_from(tmp_path: Path, call: Call) -> None:
    """Every verb follows it; an option says otherwise, and `allow --source HEAD` takes it back."""
    repo = make_repository(tmp_path, {FILE: GOOD})
    write(repo / FILE, GOOD.replace("  a:", "  saved:"))
    said = call(repo, "allow", "--yes", "--source", "worktree")
    assert said.out.splitlines()[-1] == f"allowed: {repo}, at level repository, its definitions read from worktree"
    assert call(repo, "list", "--json").json["source"] == "worktree"
    assert call(repo, "list", "--json", "--source", "HEAD").json["jobs"][0]["job"] == "a"
    assert call(repo, "allow").out.splitlines()[-1] == (
        f"{repo} is allowed already, at level repository, its definitions read from worktree"
    )
    assert call(repo, "tick").out.startswith("saved@")
    call(repo, "allow", "--yes", "--source", "HEAD")
    assert [job["job"] for job in call(repo, "list", "--json").json["jobs"]] == ["a"]


def test_a_job_that_failed_and_was_disabled_is_still_told(tmp_path: Path, at_home: Callable[[Path], Path], call: Call) -> None:
    """As what it is, and as no problem any more: before the next pass as after it."""
    repo = at_home(make_repository(tmp_path, {FILE: "jobs: {bad: {interval: 1d, command: 'exit 3'}}\n"}))
    call(repo, "allow", "--yes")
    assert call(repo, "tick").code == 1
    assert call(repo, "status").code == 1
    assert call(repo, "disable", "bad", "--commit").code == 0
    for _ in range(2):
        said = call(repo, "status")
        assert (said.code, "failed: exit code 3; the job is disabled\n" in said.out) == (0, True), said.out
        view = call(repo, "status", "--json").json
        assert [(run["job"], run["disabled"]) for run in view["failures"]] == [("bad", True)]
        assert call(repo, "tick").code == 0
    commit_files(repo, {FILE: "jobs: {}\n"})
    call(repo, "tick")
    assert call(repo, "status", "--json").json["failures"] == []


def test_status_stays_one_screen_when_everything_fails(tmp_path: Path) -> None:
    """Five failures with the ends of their output, lines cut; the others are a number."""
    jobs = "".join(f"  j{number}: {{interval: 1d, command: 'head -c 20000 /dev/zero; exit 1'}}\n" for number in range(8))
    repo = make_repository(tmp_path, {FILE: f"jobs:\n{jobs}"})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    assert octojobs(repo, "tick").returncode == 1
    done = octojobs(repo, "status")
    assert done.returncode == 1
    assert "  … and 3 more; `octojobs runs --status failed` lists them\n" in done.stdout
    assert "  3 more jobs failed last; `octojobs list` shows which\n" in done.stdout
    assert len(done.stdout.splitlines()) < 35
    assert max(map(len, done.stdout.splitlines())) < 250


def test_a_jobs_file_that_was_named_by_hand_and_is_not_there_is_wrong_usage(
    tmp_path: Path, at_home: Callable[[Path], Path], call: Call
) -> None:
    """Neither the last good definitions nor other files are shown in its place; `create` makes it."""
    repo = at_home(make_repository(tmp_path, {FILE: GOOD, ".octopoid/jobs/b.yaml": "interval: 1h\ncommand: 'true'\n"}))
    assert (call(repo, "allow", "--yes").code, call(repo, "tick").code) == (0, 0)
    write(repo / "ci/jobs.yaml", GOOD)
    commit = git(repo, "rev-parse", "--short=7", "HEAD")
    for verb in (["list"], ["status"], ["inspect", "a"], ["next"], ["why", "a"], ["plan"], ["runs", "a"]):
        said = call(repo, *verb, "--jobs-file", "typo.yaml")
        fix = "name a file that is there, relative to the repository"
        assert (said.code, said.err) == (2, f"octojobs: commit {commit} has no typo.yaml; {fix}\n"), verb
    said = call(repo, "list", "--jobs-file", "ci/jobs.yaml")
    assert said.err == f"octojobs: commit {commit} has no ci/jobs.yaml; commit it, or look at it with --source worktree\n"
    assert call(repo, "list", "--jobs-file", "ci/jobs.yaml", "--source", "worktree").code == 0
    said = call(repo, "create", "c", "--manual", "--command", "true", "--jobs-file", "new.yaml")
    assert (said.code, (repo / "new.yaml").is_file()) == (0, True), said.err
