"""Script jobs for real: a function in a process of its own, its context, its memory, its result, its errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from octojobs.runners import receipts
from octojobs.runners.script import HOST
from tests.helpers import write

JOBS = """
import octojobs
from octojobs import JobContext

@octojobs.job("count")
def count(ctx, by=1):
    ctx.state["n"] = ctx.state.get("n", 0) + by
    ctx.logger.info("counted to %s", ctx.state["n"])
    return ctx.state["n"]

def about(anything: JobContext):
    run = anything.run
    return [anything.job, run.id, run.attempt, run.scheduled_at.isoformat(), run.trigger, run.commit, str(run.folder),
            str(run.last_success_at), str(anything.repository)]

def quoted(me: "octojobs.JobContext", **rest): return sorted(rest)
def plain(a, b=2): return {"a": a, "b": b}
def odd(): return {1, 2}
def halves(ctx): ctx.state["name"] = "bad\\udcff"; return "half \\ud83d"
def silent(ctx): ctx.result = "by hand"
def fails(ctx): ctx.state["n"] = 99; raise ValueError("broken")
def leaves(ctx): ctx.state["n"] = 7; raise SystemExit(0)
def leaves_badly(ctx): ctx.state["n"] = 8; raise SystemExit("no luck")
def unsaveable(ctx): ctx.state["f"] = print
def saves(ctx): ctx.state["n"] = 5; ctx.state.save(); raise ValueError("later")
async def waits(): return "waited"
class Tools:
    @staticmethod
    def sweep(): return "swept"
number = 3
"""
BARE = "import sys; sys.exit('octojobs is installed here') if __import__('importlib.util').util.find_spec('octojobs') else 0"


@dataclass
class Repo:
    """A folder with `jobs.py` in it, in which functions are called as the shim would."""

    root: Path
    python: str = sys.executable

    def call(self, run: str, modules: tuple[str, ...] = ("jobs",), python: str = "", **args: Any) -> subprocess.CompletedProcess[str]:
        """Run the function to its end."""
        order = {"run": run, "args": args, "modules": modules, "state": str(self.root / "state" / "job.json")}
        return subprocess.run(
            [python or self.python, str(HOST), json.dumps(order)], cwd=self.root, env=self.env, capture_output=True, text=True, check=False
        )

    @property
    def env(self) -> Mapping[str, str]:
        return {
            "PATH": os.environ["PATH"], "OCTOJOBS_JOB": "job", "OCTOJOBS_RUN_ID": "job@20261120T020000Z", "OCTOJOBS_ATTEMPT": "2",
            "OCTOJOBS_SCHEDULED_AT": "2026-11-20T02:00:00Z", "OCTOJOBS_REPO": str(self.root), "OCTOJOBS_COMMIT": "c0ffee",
            "OCTOJOBS_RUN_DIR": str(self.root / "run"), "OCTOJOBS_RESULT": str(self.root / "run" / "result.json"),
            "OCTOJOBS_LAST_SUCCESS_AT": "2026-11-19T02:00:00Z", "OCTOJOBS_TRIGGER": "manual", "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

    def result(self, run: str, **args: Any) -> Any:
        """What a function that returns leaves as its result."""
        done = self.call(run, **args)
        assert done.returncode == 0, done.stderr
        return receipts.read_result(self.root / "run")

    def refusal(self, run: str, modules: tuple[str, ...] = ("jobs",), **args: Any) -> str:
        """The one line that says why a function can't be called."""
        done = self.call(run, modules, **args)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert done.stderr.startswith("octojobs: ")
        return done.stderr.removeprefix("octojobs: ").rstrip("\n").replace(str(self.root), "ROOT").replace(sys.executable, "PYTHON")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository's folder with its jobs."""
    write(tmp_path / "jobs.py", JOBS)
    return Repo(tmp_path)


def test_a_registered_function_is_called_by_its_name_and_remembers(repo: Repo) -> None:
    """The state is saved when the function returns; what it logs is in the output."""
    assert repo.result("count") == 1
    assert repo.result("count", by=5) == 6
    done = repo.call("jobs:count")
    assert done.stderr.endswith(" INFO counted to 7\n")
    assert json.loads((repo.root / "state" / "job.json").read_text()) == {"n": 7}


def test_text_that_is_no_utf_8_is_remembered_and_returned(repo: Repo) -> None:
    """The name of a file may be such a text: as JSON escapes it can be read again."""
    assert repo.result("jobs:halves") == repo.result("jobs:halves") == "half \ud83d"
    assert json.loads((repo.root / "state" / "job.json").read_bytes()) == {"name": "bad\udcff"}


def test_the_context_tells_the_function_about_its_run(repo: Repo) -> None:
    """It is passed by the parameter's name, or by its type, written as a string too."""
    assert repo.result("jobs:about") == [
        "job", "job@20261120T020000Z", 2, "2026-11-20T02:00:00+00:00", "manual", "c0ffee", str(repo.root / "run"),
        "2026-11-19 02:00:00+00:00", str(repo.root),
    ]  # fmt: skip
    assert repo.result("jobs:quoted", x=1, y=2) == ["x", "y"]


def test_what_a_function_returns_is_the_result_of_the_run(repo: Repo) -> None:
    """JSON as it is, anything else as its text, a coroutine's end, or what was set on the context."""
    assert repo.result("jobs:plain", a=[1]) == {"a": [1], "b": 2}
    assert repo.result("jobs:odd") == "{1, 2}"
    assert repo.result("jobs:waits") == "waited"
    assert repo.result("jobs:silent") == "by hand"
    assert repo.result("jobs:Tools.sweep") == "swept"


def test_a_function_that_raises_fails_with_its_own_traceback(repo: Repo) -> None:
    """Exit code 1, no frame of ours, and nothing of its state is saved unless it saved by itself."""
    done = repo.call("jobs:fails")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "Traceback (most recent call last):"
    assert done.stderr.splitlines()[1].strip().startswith(f'File "{repo.root}/jobs.py"')
    assert done.stderr.splitlines()[-1] == "ValueError: broken"
    assert "script_host" not in done.stderr
    assert not (repo.root / "state").exists()
    assert repo.call("jobs:saves").returncode == 1
    assert json.loads((repo.root / "state" / "job.json").read_text()) == {"n": 5}


def test_leaving_by_sys_exit_keeps_its_code(repo: Repo) -> None:
    """Leaving with 0 is a normal end: the state is saved."""
    assert repo.call("jobs:leaves").returncode == 0
    assert json.loads((repo.root / "state" / "job.json").read_text()) == {"n": 7}
    done = repo.call("jobs:leaves_badly")
    assert (done.returncode, done.stderr) == (1, "no luck\n")
    assert json.loads((repo.root / "state" / "job.json").read_text()) == {"n": 7}


def test_a_damaged_state_is_never_taken_for_an_empty_one(repo: Repo) -> None:
    """The run fails and says which file to mend."""
    write(repo.root / "state" / "job.json", "{")
    done = repo.call("count")
    assert done.returncode == 1
    message = (
        f"octojobs: the state of this job can't be read: {repo.root}/state/job.json: Expecting property name enclosed in double quotes: "
    )
    assert done.stderr == message + "line 1 column 2 (char 1); mend the file, or remove it\n"
    assert (repo.root / "state" / "job.json").read_text() == "{"


def test_a_state_that_json_can_not_hold_fails_the_run(repo: Repo) -> None:
    """And leaves the old one."""
    repo.result("count")
    done = repo.call("jobs:unsaveable")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "TypeError: Object of type builtin_function_or_method is not JSON serializable"
    assert json.loads((repo.root / "state" / "job.json").read_text()) == {"n": 1}


def test_what_can_not_be_called_is_refused_in_one_line(repo: Repo) -> None:
    """With what there is, and what may have been meant."""
    places = "looked in ROOT and in the packages of PYTHON"
    assert repo.refusal("cuont") == "no job function is registered under 'cuont'; registered: count; did you mean 'count'?"
    assert repo.refusal("count", ()) == "no job function is registered under 'count'; registered: none"
    assert repo.refusal("tools.sweep:main") == f"there is no module 'tools', which 'tools.sweep:main' names; {places}"
    assert repo.refusal("count", ("jbos",)) == f"there is no module 'jbos', which `modules:` in .octopoid/octojobs.yaml names; {places}"
    assert repo.refusal("jobs:abuot") == "module 'jobs' has no function 'abuot'; did you mean 'about'?"
    assert repo.refusal("jobs:number") == "'jobs:number' is int, not a function"
    assert repo.refusal("jobs:plain") == (
        "'jobs:plain' can't be called with no args: missing a required argument: 'a'; its parameters are (a, b=2)"
    )
    assert repo.refusal("count", to=3) == (
        "'count' can't be called with args ['to']: got an unexpected keyword argument 'to'; its parameters are (ctx, by=1)"
    )


def test_a_module_that_fails_to_import_shows_its_traceback(repo: Repo) -> None:
    """The error is the module's own: its frames come first, then our one line."""
    write(repo.root / "twice.py", 'import jobs, octojobs\n@octojobs.job("count")\ndef other(): pass\n')
    done = repo.call("count", ("twice",))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "octojobs: module 'twice', which `modules:` in .octopoid/octojobs.yaml names, can't be imported: "
        "AlreadyRegistered: two functions are registered as 'count': jobs:count and twice:other"
    )
    assert f'File "{repo.root}/twice.py", line 2' in done.stderr


def test_a_python_without_octojobs_runs_the_job_all_the_same(repo: Repo, tmp_path: Path) -> None:
    """A bare virtual environment has the package, and nothing else of ours, lent by path."""
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    bare = str(tmp_path / "bare" / "bin" / "python")
    assert subprocess.run([bare, "-c", BARE], cwd=tmp_path, capture_output=True, text=True, check=False).stderr == ""
    write(repo.root / "more.py", "import sys\ndef where(): import octojobs.runners; return [sys.prefix, 'click' in sys.modules]\n")
    done = repo.call("more:where", python=bare)
    assert (done.returncode, done.stderr) == (0, "")
    assert receipts.read_result(repo.root / "run") == [str(tmp_path / "bare"), False]
    assert repo.call("count", python=bare).returncode == 0


def test_modules_come_from_the_jobs_folder_and_the_root_and_never_from_ours(repo: Repo) -> None:
    """`octojobs/runners` holds a `context.py` and an `output.py`: the repository's own are meant."""
    write(repo.root / "output.py", "def main(): return 'the root'\n")
    write(repo.root / "sub" / "context.py", "import output\ndef main(): return output.main() + ' from sub'\n")
    order = {"run": "context:main", "args": {}, "modules": [], "state": str(repo.root / "state.json")}
    done = subprocess.run(
        [sys.executable, str(HOST), json.dumps(order)], cwd=repo.root / "sub", env=repo.env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert receipts.read_result(repo.root / "run") == "the root from sub"


def test_output_appears_line_by_line(repo: Repo) -> None:
    """A buffer of 8 KB would starve `logs -f` and trip `idle_timeout`."""
    write(repo.root / "talk.py", "import os\ndef main(): print('one'); os._exit(0)\n")
    assert repo.call("talk:main").stdout == "one\n"
