"""`octojobs plan BASE..HEAD`: what a change does, for the one who reviews it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.cli.test_json_schema import wrong
from tests.helpers import commit_files, git, make_repository, octojobs

FROM = "2026-11-21T00:00Z"
BEFORE = """\
timezone: Europe/Berlin
jobs:
  nightly: {schedule: "0 2 * * *", command: scripts/nightly.sh}
  gone: {interval: 12h, command: make gone}
  same: {interval: 1h, command: make same}
  calls: {manual: true, command: [python, scripts/report.py]}
"""
AFTER = """\
timezone: Europe/Berlin
jobs:
  same: {interval: 1h, command: make same}
  nightly: {schedule: "0 3 * * *", command: scripts/nightly.sh, timeout: 5m}
  calls: {manual: true, command: [python, scripts/report.py]}
  weekly: {schedule: "0 9 * * MON", command: "make report | tee `date`"}
"""
TABLE = """\
~\tnightly\twhen\t0 2 * * * Europe/Berlin\t0 3 * * * Europe/Berlin
~\tnightly\ttimeout\t-\t5m
~\tnightly\tdue\t3\t3
~\tnightly\tmoves\t2026-11-21T01:00:00Z\t2026-11-21T02:00:00Z
~\tnightly\tmoves\t2026-11-22T01:00:00Z\t2026-11-22T02:00:00Z
~\tnightly\tmoves\t2026-11-23T01:00:00Z\t2026-11-23T02:00:00Z
~\tcalls\tfiles\t-\tscripts/report.py
+\tweekly\twhen\t-\t0 9 * * MON Europe/Berlin
+\tweekly\texecutes\t-\tmake report | tee `date`
+\tweekly\tdue\t0\t1
+\tweekly\tcomes\t-\t2026-11-23T08:00:00Z
-\tgone\twhen\tevery 12h\t-
-\tgone\texecutes\tmake gone\t-
-\tgone\tdue\t6\t0
-\tgone\tgoes\t2026-11-21T12:00:00Z\t-
-\tgone\tgoes\t2026-11-22T00:00:00Z\t-
-\tgone\tgoes\t2026-11-22T12:00:00Z\t-
-\tgone\tgoes\t2026-11-23T00:00:00Z\t-
-\tgone\tgoes\t2026-11-23T12:00:00Z\t-
-\tgone\tmore\t-\t1 removed
~\tsettings\tmax_concurrent\t4\t2
"""
HEADLINE = (
    "1 job added, 1 job removed, 2 jobs changed; "
    "due instants from 2026-11-21T00:00:00Z to 2026-11-24T00:00:00Z: 1 added, 6 removed, 3 moved"
)
MARKDOWN = f"""\
### octojobs: {HEADLINE}

| | job | when | due instants |
|---|---|---|---|
| ~ | `nightly` | `0 2 * * * Europe/Berlin` → `0 3 * * * Europe/Berlin` | 3 moved |
| ~ | `calls` | `when asked` | the same |
| + | `weekly` | `0 9 * * MON Europe/Berlin` | 1 added |
| - | `gone` | `every 12h` | 6 removed |

<details><summary><code>nightly</code></summary>

- `timeout`: — → `5m`
- moves 2026-11-21T01:00:00Z → 2026-11-21T02:00:00Z
- moves 2026-11-22T01:00:00Z → 2026-11-22T02:00:00Z
- moves 2026-11-23T01:00:00Z → 2026-11-23T02:00:00Z

</details>

<details><summary><code>calls</code>: what it executes changes</summary>

- `scripts/report.py` differs

</details>

<details><summary><code>weekly</code></summary>

- executes ``make report | tee `date` ``
- comes 2026-11-23T08:00:00Z

</details>
"""


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a change, on a branch, that does something to most of its jobs."""
    repo = make_repository(tmp_path_factory.mktemp("change"), {".octopoid/jobs.yaml": BEFORE, "scripts/report.py": "1\n"})
    git(repo, "checkout", "--quiet", "-b", "change")
    commit_files(repo, {".octopoid/jobs.yaml": AFTER, ".octopoid/octojobs.yaml": "max_concurrent: 2\n", "scripts/report.py": "2\n"})
    return repo


@pytest.fixture
def repo(changed: Path, at_home: Callable[[Path], Path]) -> Path:
    """The same for calls in this process."""
    return at_home(changed)


def test_the_table_tells_what_comes_goes_and_moves(repo: Path, call: Call) -> None:
    """And which jobs execute something else: by a field, or by a file that they name."""
    said = call(repo, "plan", "main..HEAD", "--days", "3", "--from", FROM)
    assert (said.code, said.out, said.err) == (0, TABLE, HEADLINE + "\n")


def test_markdown_is_for_the_pull_request(repo: Path, call: Call) -> None:
    """A headline, a table, and the rest folded in; what comes from files stands in code spans."""
    said = call(repo, "plan", "main...change", "--days", "3", "--from", FROM, "--format", "markdown")
    assert said.out.startswith(MARKDOWN.replace("``make", "`` make"))
    assert said.out.endswith("**settings**\n\n- `max_concurrent`: `4` → `2`\n")


def test_json_is_as_the_schema_says(repo: Path, call: Call) -> None:
    """Both ways to ask for it."""
    view = call(repo, "plan", "main..HEAD", "--json").json
    assert wrong("comparison", view) == []
    assert {one["job"]: one["change"] for one in view["jobs"]} == {
        "nightly": "changed",
        "calls": "changed",
        "weekly": "added",
        "gone": "removed",
    }
    assert call(repo, "plan", "main..HEAD", "--format", "json", "--from", FROM).json["from"] == "2026-11-21T00:00:00Z"


def test_two_commits_that_declare_the_same_differ_in_nothing(repo: Path, call: Call) -> None:
    """A name that is left out is HEAD."""
    said = call(repo, "plan", "change..", "--days", "3")
    assert (said.code, said.out, said.err) == (0, "", "nothing changes between change and HEAD\n")


def test_a_commit_that_is_not_here_is_told_with_the_remedy(repo: Path, call: Call, tmp_path: Path) -> None:
    """In a shallow clone it is a fetch; two commits are enough for two dots."""
    said = call(repo, "plan", "nope..HEAD")
    assert (said.code, said.err) == (2, 'octojobs: there is no commit "nope" here; fetch it first\n')
    git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=change", f"file://{repo}", "shallow")
    clone = tmp_path / "shallow"
    said = call(clone, "plan", "origin/main..HEAD")
    assert (said.code, said.err) == (
        2,
        (
            'octojobs: there is no commit "origin/main" here; '
            "this clone is shallow: `git fetch --depth=1 origin +main:refs/remotes/origin/main`, in CI before this step\n"
        ),
    )
    git(clone, "fetch", "--quiet", "--depth=1", "origin", "+main:refs/remotes/origin/main")
    said = call(clone, "plan", "origin/main..HEAD", "--days", "3", "--from", FROM)
    assert (said.code, said.out) == (0, TABLE)
    said = call(clone, "plan", "origin/main...HEAD")
    assert (said.code, said.err) == (
        2,
        (
            "octojobs: origin/main and HEAD have no common commit here; "
            "fetch more of the history (`git fetch --unshallow`), or write origin/main..HEAD\n"
        ),
    )


def test_a_change_that_breaks_the_definitions_is_refused(tmp_path: Path) -> None:
    """All their problems, and exit code 2; a base that has none, or that is broken, makes every job new."""
    repo = make_repository(tmp_path, {"README": "x\n"})
    commit_files(repo, {".octopoid/jobs.yaml": "jobs: {a: {interval: 1h}}\n"}, "broken")
    done = octojobs(repo, "plan", "HEAD~1..HEAD")
    assert done.returncode == 2
    assert 'job "a"' in done.stderr
    commit_files(repo, {".octopoid/jobs.yaml": "jobs: {a: {interval: 1d, command: x}}\n"}, "mended")
    done = octojobs(repo, "plan", "HEAD~1..HEAD", "--from", FROM, "--days", "1")
    assert done.stdout.splitlines()[-1] == "+\ta\tcomes\t-\t2026-11-22T00:00:00Z"
    assert done.stderr.splitlines()[-1] == "the definitions of HEAD~1 have 1 problem: every job counts as added"
    done = octojobs(repo, "plan", "HEAD~2..HEAD")
    assert (done.returncode, len(done.stderr.splitlines())) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["HEAD"], 'octojobs: "HEAD" names one commit; write two, such as origin/main..HEAD\n'),
        (["--days", "3"], "octojobs plan: --days goes with BASE..HEAD; name two commits, such as origin/main..HEAD\n"),
    ],
)
def test_wrong_usage_is_told_with_the_remedy(arguments: list[str], message: str, repo: Path, call: Call) -> None:
    """One commit is no change, and options of a change need one."""
    said = call(repo, "plan", *arguments)
    assert (said.code, said.err.startswith(message)) == (2, True)


def test_text_of_a_pull_request_is_no_markdown(tmp_path: Path) -> None:
    """No link, no mention, no HTML, no end of a cell or of a code span, whatever a job's fields hold."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": "jobs: {}\n"})
    hostile = "x ``` | [a](http://b) <img src=c> @ada \\u202e"
    commit_files(repo, {".octopoid/jobs.yaml": f'jobs: {{a: {{schedule: "0 9 * * *", command: "{hostile}"}}}}\n'})
    printed = octojobs(repo, "plan", "HEAD~1..HEAD", "--format", "markdown").stdout
    assert "- executes ```` x ``` | [a](http://b) <img src=c> @ada \\u202e ````\n" in printed
    assert "\u202e" not in printed
