"""Which files a job names: by the words of what it executes, and by nothing else."""

from __future__ import annotations

import pytest

from octojobs.core.agent import Agent, Profile
from octojobs.core.definitions import DeclaredCondition, Settings
from octojobs.core.guards import Condition, Not
from octojobs.core.identity import JobId
from octojobs.core.job import AgentAction, CommandAction, FollowUp, Job, ScriptAction
from octojobs.core.named_files import named_files, spelled
from octojobs.core.when import ManualWhen

TREE = ("a.sh", "bin/b.sh", "ops/c.sh", "my tool.sh", "shop/__init__.py", "shop/jobs.py", "src/lib/x.py", "tools/__init__.py", "p.md")
ROOT = "/home/ada/shop"


def named(job: Job, settings: Settings = Settings()) -> tuple[str, ...]:  # noqa: B008 -- a frozen value
    """Of TREE."""
    return named_files(job, TREE, settings, ROOT)


def command(words: str | tuple[str, ...], cwd: str = ".") -> Job:
    """A job that executes them."""
    return Job(JobId("a"), ManualWhen(), CommandAction(words), cwd=cwd)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("bin/b.sh", "a.sh"), ("a.sh", "bin/b.sh")),
        (("./bin/../a.sh",), ("a.sh",)),
        (("python", "my tool.sh"), ("my tool.sh",)),
        (("bash", "-c", "true && ./a.sh"), ("a.sh",)),
        (("python", "-m", "shop.jobs"), ("shop/__init__.py", "shop/jobs.py")),
        (f"{ROOT}/bin/b.sh", ("bin/b.sh",)),
        ("true;bin/b.sh;FILE=a.sh make", ("a.sh", "bin/b.sh")),
        ('"$OCTOJOBS_REPO"/bin/b.sh "${OCTOJOBS_REPO}/a.sh"', ("a.sh", "bin/b.sh")),
        ("sh 'my tool.sh'", ("my tool.sh",)),
        ("echo $(bin/b.sh) `./a.sh`", ("a.sh", "bin/b.sh")),
        ("echo 'no end; a.sh", ("a.sh",)),
        ("make report", ()),
        ("../a.sh /a.sh a.sh.bak xa.sh", ()),
    ],
)
def test_the_words_of_a_command_name_files(words: str | tuple[str, ...], found: tuple[str, ...]) -> None:
    """Elements, words and what in them looks like a path, normalised."""
    assert named(command(words)) == found


def test_words_are_relative_to_the_job_s_folder() -> None:
    """As the process will find them; the root is meant only where it is said."""
    assert named(command("./c.sh ../a.sh b.sh", cwd="ops")) == ("a.sh", "ops/c.sh")
    assert named(command('"$OCTOJOBS_REPO/bin/b.sh"', cwd="ops")) == ("bin/b.sh",)


def test_a_function_names_its_module_and_the_packages_above_it() -> None:
    """Python runs all of them; from the folder, the root, or `src`."""
    settings = Settings(modules=("tools",), python="bin/b.sh")
    one = Job(JobId("a"), ManualWhen(), ScriptAction("shop.jobs:nightly"))
    assert named(one) == ("shop/__init__.py", "shop/jobs.py")
    assert named(Job(JobId("a"), ManualWhen(), ScriptAction("lib.x:f"))) == ("src/lib/x.py",)
    assert named(Job(JobId("a"), ManualWhen(), ScriptAction("registered")), settings) == ("bin/b.sh", "tools/__init__.py")


def test_prompts_conditions_and_follow_ups_name_files_too() -> None:
    """Everything of the job that executes something, or says what is to be done."""
    settings = Settings(conditions={"fit": DeclaredCondition("fit", command="bin/b.sh -q")})
    job = Job(
        JobId("a"),
        ManualWhen(),
        AgentAction(prompt_file="p.md"),
        conditions=(Not(Condition("command", {"command": ["sh", "a.sh"]})), Condition("fit")),
        on_success=FollowUp(CommandAction("ops/c.sh")),
    )
    assert named(job, settings) == ("a.sh", "bin/b.sh", "ops/c.sh", "p.md")


def test_what_the_program_of_its_agent_is_given_is_named_too() -> None:
    """Its command, that for going on, and its options: each of them is executed, or read by what is."""
    profile = Profile("own", ("sh", "bin/b.sh"), resume=("./a.sh",), options={"model": ("--file=shop/jobs.py",), "x": ("p.md",)})
    job = Job(JobId("a"), ManualWhen(), AgentAction("look", agent="own"))
    agents = {"own": Agent("own", profile), "other": Agent("other", Profile("other", ("ops/c.sh",)))}
    assert named_files(job, TREE, root=ROOT, agents=agents) == ("a.sh", "bin/b.sh", "p.md", "shop/jobs.py")


def test_what_no_path_can_be_is_not_spelled() -> None:
    """Nothing empty, longer than a path, or of several lines reaches git or the disk."""
    assert set(spelled(command(("", ".", "a\nb", "x" * 5000, "a\0b")))) <= {"a", "b", "x" * 4096}
