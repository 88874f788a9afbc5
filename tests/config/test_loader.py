"""Files to definitions: the forms that files have, what is shared between them, and what is kept from one load to the next."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from octojobs.config import file, loader
from octojobs.config.loader import Loader
from octojobs.core.job import CommandAction, Source
from octojobs.core.when import IntervalWhen
from tests.config.loading import JOBS, SETTINGS, files, jobs_of, load

ONE = "interval: 1h\ncommand: make\n"


@pytest.mark.parametrize(
    "text",
    [
        "jobs: {a: {interval: 1h, command: make}}\n",
        "jobs:\n  - {name: a, interval: 1h, command: make}\n",
        "jobs:\n  - {id: a, interval: 1h, command: make}\n",
        "jobs:\n  - {slug: a, interval: 1h, command: make}\n",
        "job: {name: a, interval_seconds: 3600, command: make}\n",
    ],
)
def test_jobs_are_a_mapping_or_a_list_or_one(text: str) -> None:
    """With the name as key, `name`, `id` or `slug`."""
    (job,) = jobs_of(text).values()
    assert (job.id, job.title, job.when, job.action) == ("a", "", IntervalWhen(3600), CommandAction("make"))


def test_name_is_the_title_where_something_else_is_the_name() -> None:
    """In a list beside `id`, and in a mapping; `title` says it outright."""
    listed = jobs_of("jobs: [{id: a, name: Nightly build, interval: 1h, command: make}]")["a"]
    keyed = jobs_of("jobs: {a: {name: Nightly build, interval: 1h, command: make}}")["a"]
    both = jobs_of("jobs: {a: {name: Nightly, title: Build, interval: 1h, command: make}}")["a"]
    assert (listed.title, keyed.title, both.title) == ("Nightly build", "Nightly build", "Build")


def test_a_file_of_the_jobs_folder_is_one_job_named_as_the_file() -> None:
    """Or as it says itself; or it is a mapping or a list of jobs as jobs.yaml is."""
    more = {
        ".octopoid/jobs/sweep.yaml": ONE,
        ".octopoid/jobs/b.yml": f"name: named\n{ONE}",
        ".octopoid/jobs/c.yaml": "jobs: {several: {interval: 1h, command: make}}",
        ".octopoid/flows/default.yaml": "not: ours",
    }
    assert sorted(jobs_of("jobs: {}", more=more)) == ["named", "several", "sweep"]


def test_a_job_knows_its_file_and_line() -> None:
    """The line of its key, or of its first field where it has none."""
    jobs = jobs_of("jobs:\n  a:\n    interval: 1h\n    command: make\n", more={".octopoid/jobs/b.yaml": "# one\n" + ONE})
    assert (jobs["a"].source, jobs["b"].source) == (Source(JOBS, 2), Source(".octopoid/jobs/b.yaml", 2))


def test_defaults_are_for_jobs_that_say_nothing_else() -> None:
    """Field by field; `env` is added to, synonyms are one field, and what doesn't fit an action is left out."""
    text = """
timezone: Europe/Berlin
defaults: {timeout: 30m, retries: {backoff: linear}, max_retries: 1, env: {A: 1, B: 1},
  shell: bash, overlap: allow, max_instances: 3, tags: [x]}
jobs:
  plain: {interval: 1h, command: make}
  own: {interval: 1h, command: make, timeout_seconds: 5, max_retries: 3, env: {B: 2}, overlap: skip, tags: [], timezone: UTC}
  list: {interval: 1h, command: [make], retries: {max: 2}}
"""
    jobs = jobs_of(text)
    plain, own, listed = jobs["plain"], jobs["own"], jobs["list"]
    assert (plain.limits.timeout_s, plain.env, plain.timezone, plain.tags) == (1800, {"A": "1", "B": "1"}, "Europe/Berlin", ("x",))
    assert (own.limits.timeout_s, own.env, own.timezone, own.tags) == (5, {"A": "1", "B": "2"}, "UTC", ())
    assert [(job.overlap, job.max_instances) for job in (plain, own)] == [("allow", 3), ("skip", 1)]
    assert [(job.retries.max, job.retries.backoff) for job in (plain, own, listed)] == [(1, "linear"), (3, "linear"), (2, "exponential")]
    assert (plain.action, listed.action) == (CommandAction("make", "bash"), CommandAction(("make",)))


def test_the_defaults_of_jobs_yaml_hold_for_the_folder_too() -> None:
    """A file's own come on top of them."""
    more = {
        ".octopoid/jobs/a.yaml": ONE,
        ".octopoid/jobs/b.yaml": "timezone: Asia/Tokyo\ndefaults: {priority: low, env: {B: 2}}\njobs: {b: {interval: 1h, command: make}}",
    }
    jobs = jobs_of("timezone: Europe/Berlin\ndefaults: {priority: high, timeout: 1m, env: {A: 1}}\njobs: {}", more=more)
    a, b = jobs["a"], jobs["b"]
    assert (a.timezone, a.priority, a.limits.timeout_s, a.env) == ("Europe/Berlin", "high", 60, {"A": "1"})
    assert (b.timezone, b.priority, b.limits.timeout_s, b.env) == ("Asia/Tokyo", "low", 60, {"A": "1", "B": "2"})


def test_the_settings_may_move_the_jobs_file() -> None:
    """Where another program reads `.octopoid/jobs.yaml`; who loads may name it, too."""
    texts = {"ci/ours.yaml": "jobs: {ours: {interval: 1h, command: make}}", JOBS: "not: ours", SETTINGS: "jobs_file: ci/ours.yaml"}
    by_settings = Loader().load(files(texts), source="worktree")
    by_caller = Loader().load(files({"mine.yaml": "jobs: {}"}), source="worktree", jobs_file="mine.yaml")
    assert by_settings.definitions is not None
    assert list(by_settings.definitions.jobs) == ["ours"]
    assert by_caller.problems == ()


def test_definitions_carry_their_source_and_a_digest_of_what_was_read() -> None:
    """Equal files, equal digest; files that are not read don't count."""
    first, again = load("jobs: {}").definitions, load("jobs: {}", more={"README.yaml": "x"}).definitions
    other = load("jobs: {}\n").definitions
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.source == "worktree"
    assert (first.digest == again.digest, first.digest == other.digest) == (True, False)
    assert len(first.digest) == hashlib.sha256().digest_size * 2


def test_a_past_once_is_a_warning_when_the_time_is_known() -> None:
    """The definitions are good all the same."""
    text = 'jobs: {a: {schedule: "@once 2026-05-15T10:00", timezone: Europe/Berlin, command: make}}'
    now = datetime(2026, 5, 15, 8, 0, tzinfo=UTC)
    loaded = load(text, now=now)
    assert list(map(str, loaded.problems)) == [
        f'{JOBS}:1:22: warning: job "a": schedule: 2026-05-15T08:00:00Z is past; remove the job, or give it a new instant'
    ]
    assert loaded.definitions is not None
    assert loaded.definitions.warnings == loaded.problems
    assert load(text).problems == ()


def _counting_loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    paths: list[str] = []
    read = file.read_jobs

    def counted(path: str, data: bytes, inherited: object, stem: str | None) -> object:
        paths.append(path)
        return read(path, data, inherited, stem)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(loader, "read_jobs", counted)
    return paths


def test_a_reload_reads_only_the_files_that_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told by the blob id; a file that went is forgotten, and read anew when it returns."""
    paths = _counting_loads(monkeypatch)
    texts = {JOBS: "defaults: {timeout: 1m}\njobs: {}", ".octopoid/jobs/a.yaml": ONE, ".octopoid/jobs/b.yaml": ONE}
    keeper = Loader()
    keeper.load(files(texts), source="worktree")
    first, paths[:] = list(paths), []
    keeper.load(files({**texts, ".octopoid/jobs/a.yaml": ONE + "priority: low\n"}), source="worktree")
    second, paths[:] = list(paths), []
    keeper.load(files({JOBS: texts[JOBS] + "\n"}), source="worktree")
    third, paths[:] = list(paths), []
    keeper.load(files(texts), source="worktree")
    assert first == sorted(texts)
    assert second == [".octopoid/jobs/a.yaml"]
    assert third == [JOBS]
    assert paths == sorted(texts)


def test_other_defaults_are_a_change_of_every_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other words for the same defaults are none."""
    paths = _counting_loads(monkeypatch)
    texts = {JOBS: "defaults: {timeout: 1m}\njobs: {}", ".octopoid/jobs/a.yaml": ONE}
    keeper = Loader()
    keeper.load(files(texts), source="worktree")
    paths.clear()
    keeper.load(files({**texts, JOBS: "# the same\ndefaults: {timeout: 1m}\njobs: {}"}), source="worktree")
    assert paths == [JOBS]
    loaded = keeper.load(files({**texts, JOBS: "defaults: {timeout: 2m}\njobs: {}"}), source="worktree")
    assert loaded.definitions is not None
    assert [job.limits.timeout_s for job in loaded.definitions.jobs.values()] == [120]


def test_a_file_that_was_wrong_is_right_once_it_is_mended() -> None:
    """One loader over time: problems go with the content that had them."""
    keeper = Loader()
    assert keeper.load(files({JOBS: "jobs: {a: {}}"}), source="worktree").definitions is None
    mended = keeper.load(files({JOBS: "jobs: {a: {manual: true, command: make}}"}), source="worktree")
    assert mended.definitions is not None
    assert (list(mended.definitions.jobs), mended.problems) == (["a"], ())
