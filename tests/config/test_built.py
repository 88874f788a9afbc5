"""What large files were built into is found again by the next process, or built anew: never anything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from octojobs.config import built
from octojobs.config.blob import blob_id
from octojobs.config.built import MOST_KEPT, WORTH_IT, Built
from octojobs.config.loader import Loaded, Loader
from octojobs.config.reload import Reload
from octojobs.config.source import WorktreeSource
from tests.helpers import write

MAIN = ".octopoid/jobs.yaml"
MANY = ".octopoid/jobs/many.yaml"
MORE = """\
  more{number}:
    title: Number {number}
    description: {filler}
    schedule: ["{minute} 4 * * *", "@once 2026-11-20T10:00:00Z"]
    timezone: Europe/Berlin
    command: [make, target-{number}]
    timeout: 30m
    retries: {{max: 2, delay: 5s}}
    conditions: [no_agents_running, {{on_branch: [main, "release/*"]}}, mine, {{not: {{file_exists: x}}}}]
    env: {{A: "{number}"}}
    tags: [a, "1.10"]
    pool: builds
    on_failure: {{run: more0}}
"""
SETTINGS = "version: 1\npools: {builds: 2}\nconditions: {mine: {command: [true]}}\n".replace("[true]", "['true']")


def files(
    *, main: str = "version: 1\njobs: {one: {manual: true, command: 'true'}}\n", title: str = "Number"
) -> dict[str, tuple[str, bytes]]:
    """A small file and a large one, with references of every kind."""
    head = "version: 1\njobs:\n  more0: {manual: true, command: 'true'}\n"
    many = head + "".join(
        MORE.format(number=number, minute=number, filler="long " * 700).replace("Number", title) for number in range(1, 25)
    )
    assert len(many) > WORTH_IT
    contents = {MAIN: main, MANY: many, ".octopoid/octojobs.yaml": SETTINGS}
    return {path: (blob_id(text.encode()), text.encode()) for path, text in contents.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The cache's folder, which is not there yet."""
    return tmp_path / "cache" / "definitions"


def load(folder: Path, given: dict[str, tuple[str, bytes]] | None = None) -> Loaded:
    """As another process would."""
    loader = Loader(Built(folder))
    loaded = loader.load(given or files(), source="worktree")
    loader.remember()
    return loaded


def entries(folder: Path) -> list[Path]:
    """What is kept."""
    return sorted(folder.iterdir()) if folder.exists() else []


def forge(folder: Path) -> None:
    """Change the entry, so that it can be told from the file."""
    (entry,) = entries(folder)
    entry.write_text(entry.read_text().replace("Number 7", "From the cache"), encoding="utf-8")


def titles(loaded: Loaded) -> set[str]:
    """The titles of the jobs."""
    assert loaded.definitions is not None
    return {job.title for job in loaded.definitions.jobs.values()}


def test_the_next_process_finds_the_same_definitions(folder: Path) -> None:
    """Jobs, places, and what is said of them when all files are read."""
    plain = Loader().load(files(), source="worktree")
    assert plain.definitions is not None
    assert load(folder) == plain
    (entry,) = entries(folder)
    assert (entry.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    assert load(folder) == plain
    forge(folder)
    assert "From the cache" in titles(load(folder))


def test_a_name_that_is_gone_is_told_of_a_kept_file(folder: Path) -> None:
    """References are checked with what the other files say now."""
    load(folder)
    given = {path: content for path, content in files().items() if path != ".octopoid/octojobs.yaml"}
    loaded = load(folder, given)
    assert loaded == Loader().load(given, source="worktree")
    assert {problem.what.rpartition(": ")[2] for problem in loaded.problems} == {
        'there is no pool "builds"',
        'there is no condition "mine"',
    }


def test_other_content_is_built(folder: Path) -> None:
    """Found by the blob id."""
    load(folder)
    assert "Nr 7" in titles(load(folder, files(title="Nr")))
    assert len(entries(folder)) == 2


def test_other_defaults_are_other_jobs(folder: Path) -> None:
    """The same file under another main one."""
    load(folder)
    forge(folder)
    loaded = load(folder, files(main="version: 1\ndefaults: {priority: low}\njobs: {one: {manual: true, command: 'true'}}\n"))
    assert loaded.definitions is not None
    assert {job.priority.value for job in loaded.definitions.jobs.values()} == {"low"}
    assert "From the cache" not in titles(loaded)


def test_other_code_builds_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade, or an edited checkout."""
    load(folder)
    forge(folder)
    monkeypatch.setattr(built, "_code", lambda: "another version")
    assert "From the cache" not in titles(load(folder))


@pytest.mark.parametrize("part", [0, 1, 0.3, 0.9, 0.9999])
def test_a_damaged_entry_is_not_found(folder: Path, part: float) -> None:
    """Cut anywhere, it is built anew and replaced."""
    whole = load(folder)
    (entry,) = entries(folder)
    data = entry.read_bytes()
    entry.write_bytes(data[: int(len(data) * part)] if part != 1 else b"[]")
    assert load(folder) == whole
    assert entry.read_bytes() == data


@pytest.mark.parametrize("change", ["jobs", "names", "references", "timezone"])
def test_an_entry_of_another_shape_is_not_found(folder: Path, change: str) -> None:
    """JSON, and still none of ours."""
    whole = load(folder)
    (entry,) = entries(folder)
    wrong: list[object] = [None, 7, [[]], [{}], [[1, 2]]]
    for value in wrong:
        content = json.loads(entry.read_text())
        entry.write_text(json.dumps({**content, change: value}), encoding="utf-8")
        assert load(folder) == whole


def test_an_entry_that_others_may_write_is_not_read(folder: Path) -> None:
    """It would say what a reviewed commit means."""
    load(folder)
    forge(folder)
    entries(folder)[0].chmod(0o620)
    assert "From the cache" not in titles(load(folder))


def test_without_a_place_for_it_nothing_is_kept(tmp_path: Path) -> None:
    """A file where the folder should be, or no home at all."""
    (tmp_path / "taken").write_text("")
    loaded = load(tmp_path / "taken" / "definitions")
    assert loaded.definitions is not None
    assert [Built.of_user(environ) for environ in ({}, {"HOME": ""}, {"XDG_CACHE_HOME": "relative"})] == [None, None, None]


def test_small_files_and_wrong_ones_are_not_kept(folder: Path) -> None:
    """Reading these again costs nothing; what is wrong with those is told each time."""
    small = {path: content for path, content in files().items() if path != MANY}
    assert load(folder, small).definitions is not None
    text = files()[MANY][1] + b"  wrong: {manual: true, command: 'true', colour: red}\n"
    assert load(folder, {**files(), MANY: (blob_id(text), text)}).definitions is None
    own = files()[MANY][1].replace(b"version: 1\n", b"version: 1\ndefaults: {priority: low}\n")
    assert load(folder, {**files(), MANY: (blob_id(own), own)}).definitions is not None
    assert entries(folder) == []


def test_the_folder_does_not_grow_for_ever(folder: Path) -> None:
    """Those used last stay; a writer that was killed leaves nothing for good."""
    folder.mkdir(parents=True)
    for number in range(MOST_KEPT + 50):
        (folder / f"{number:064x}").write_text("{}")
    (folder / "debris.123").write_text("{")
    load(folder)
    kept = entries(folder)
    assert len(kept) == MOST_KEPT
    before = load(folder)
    assert load(folder) == before


def test_a_file_is_kept_although_another_one_is_wrong(folder: Path, tmp_path: Path) -> None:
    """What can't be in force yet does not wait in the memory of a daemon, one version after the other."""
    reload = Reload(WorktreeSource(tmp_path), Loader(Built(folder)))
    for title in ("Number", "Other", "Third"):
        for path, (_, data) in files(main="jobs: [", title=title).items():
            write(tmp_path / path, data.decode())
        assert not reload.check(ask=True)
        reload.remember()
    assert len(entries(folder)) == 3
