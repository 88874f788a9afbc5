"""Events end the loop's sleep within a fraction of a second, also after a checkout took the folder away and brought it back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from octojobs.config.watcher import Watcher
from octojobs.repository import Repository
from tests.helpers import commit_files, git, make_repository, wait_until, write

JOBS = ".octopoid/jobs.yaml"
SOON = 0.02


class Watched:
    """A repository with a watcher on it; `rung` waits for a wake-up that comes after the last `quiet`."""

    def __init__(self, root: Path) -> None:
        self.root = make_repository(root, {JOBS: "jobs: {}\n"})
        self.repository = Repository.discover(self.root)
        self.bells: list[str] = []
        self.bell = threading.Event()
        self.watcher = Watcher(self.root, self._ring, debounce_s=SOON)

    def _ring(self) -> None:
        self.bells.append(threading.current_thread().name)
        self.bell.set()

    def follow(self) -> None:
        """As the loop does after each check."""
        ref = self.repository.head().ref
        self.watcher.follow(self.repository.watch_files(*([ref] if ref else [])))

    def quiet(self) -> None:
        """Wait until what was done so far rings no more; the next wake-up has a cause that comes later."""
        self.bell.clear()
        while self.bell.wait(0.1):
            self.bell.clear()

    def rung(self) -> bool:
        """Whether a wake-up came, waiting for it."""
        return self.bell.wait(5)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """A started watcher that follows HEAD."""
    one = Watched(tmp_path)
    one.watcher.start()
    one.follow()
    yield one
    one.watcher.stop()


def test_a_commit_and_a_saved_file_wake_the_loop(watched: Watched) -> None:
    """From the watcher's own thread, by a callable that only rings."""
    commit_files(watched.root, {"src/a.py": "x"})
    assert watched.rung()
    watched.quiet()
    write(watched.root / JOBS, "jobs: {}\n# saved\n")
    assert watched.rung()
    assert set(watched.bells) == {"octojobs-watcher"}
    assert watched.watcher.note == ""


def test_reading_and_unrelated_files_wake_nobody(watched: Watched) -> None:
    """Otherwise our own look at the files would wake us for another look."""
    (watched.root / JOBS).read_bytes()
    git(watched.root, "status")
    write(watched.root / "build.log", "x")
    write(watched.root / ".octopoid/notes.txt", "x")
    assert not watched.bell.wait(0.3)


def test_it_does_not_go_deaf_when_a_checkout_removes_and_restores_the_folder(watched: Watched) -> None:
    """A watch dies with its folder; the new folder gets a new one."""
    git(watched.root, "checkout", "--quiet", "-b", "without")
    git(watched.root, "rm", "--quiet", "-r", ".octopoid")
    git(watched.root, "commit", "--quiet", "-m", "without")
    for _ in range(3):
        git(watched.root, "checkout", "--quiet", "main")
        assert watched.rung()
        watched.quiet()
        write(watched.root / JOBS, "jobs: {}\n# saved\n")
        assert watched.rung()
        watched.quiet()
        git(watched.root, "checkout", "--quiet", "--", ".")
        git(watched.root, "checkout", "--quiet", "without")
        watched.quiet()


def test_a_folder_that_is_replaced_by_renaming_is_watched_again(watched: Watched) -> None:
    """The old watch would follow the old folder to its new name."""
    write(watched.root / "next/jobs.yaml", "jobs: {}\n")
    (watched.root / ".octopoid").rename(watched.root / "old")
    (watched.root / "next").rename(watched.root / ".octopoid")
    assert watched.rung()
    watched.quiet()
    write(watched.root / JOBS, "jobs: {}\n# saved\n")
    assert watched.rung()


def test_a_folder_of_job_files_may_come_later(watched: Watched) -> None:
    """`.octopoid/jobs` is watched from the moment it is there."""
    (watched.root / ".octopoid/jobs").mkdir()
    assert watched.rung()
    watched.quiet()
    write(watched.root / ".octopoid/jobs/a.yaml", "interval: 5m\n")
    assert watched.rung()


def test_another_branch_in_a_folder_of_refs_is_followed(tmp_path: Path) -> None:
    """Also where there are no logs of refs, so that only the branch's own file moves."""
    watched = Watched(tmp_path)
    git(watched.root, "config", "core.logAllRefUpdates", "false")
    git(watched.root, "branch", "--quiet", "feature/deep")
    (watched.root / ".git/logs/HEAD").unlink()
    watched.watcher.start()
    try:
        git(watched.root, "checkout", "--quiet", "feature/deep")
        watched.follow()
        watched.quiet()
        tree = git(watched.root, "commit-tree", "-p", "HEAD", "-m", "plumbing", "HEAD^{tree}")
        git(watched.root, "update-ref", "refs/heads/feature/deep", tree)
        assert watched.rung()
    finally:
        watched.watcher.stop()


def test_a_burst_of_changes_is_one_wake_up_and_a_stream_does_not_starve(tmp_path: Path) -> None:
    """The first event opens a window, its end rings once: however many come, and even if they never cease."""
    watched = Watched(tmp_path)
    watched.watcher = Watcher(watched.root, watched._ring, debounce_s=0.3)
    watched.watcher.start()
    try:
        for number in range(100):
            write(watched.root / JOBS, f"jobs: {{}}\n# {number}\n")
        assert watched.rung()
        assert len(watched.bells) == 1
        stop = threading.Event()
        stream = threading.Thread(target=lambda: [write(watched.root / JOBS, "jobs: {}\n") for _ in iter(lambda: stop.wait(0.01), True)])
        stream.start()
        wait_until(lambda: len(watched.bells) >= 3, what="wake-ups during the stream")
        stop.set()
        stream.join()
    finally:
        watched.watcher.stop()


def test_it_starts_once_and_stops_twice(tmp_path: Path) -> None:
    """After `stop` nothing rings and no thread of it is left; also when it never started."""
    before = set(threading.enumerate())
    watched = Watched(tmp_path)
    watched.watcher.start()
    watched.follow()
    with pytest.raises(RuntimeError, match="a watcher is started once"):
        watched.watcher.start()
    watched.watcher.stop()
    watched.watcher.stop()
    write(watched.root / JOBS, "jobs: {}\n# late\n")
    assert not watched.bell.wait(0.2)
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert not [name for name in left if name.startswith("octojobs")]
    never = Watcher(watched.root, watched._ring)
    never.stop()
    with pytest.raises(RuntimeError, match="a watcher is started once"):
        never.start()


def test_a_system_that_refuses_watches_is_told_in_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`fs.inotify.max_user_watches` is easily used up by editors; the once-a-second look goes on without."""
    from watchdog.observers.api import BaseObserver  # watchdog is imported by the watcher alone, and late

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(BaseObserver, "schedule", refuse)
    watched = Watched(tmp_path)
    watched.watcher.start()
    watched.watcher.stop()
    assert watched.watcher.note == "files are not watched (inotify watch limit reached): changes are noticed within a second or two"


@pytest.mark.parametrize("which", ["octojobs-watcher", ""], ids=["its own", "the observer's"])
def test_a_system_without_room_for_threads_is_told_in_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str) -> None:
    """What Python says then is a RuntimeError; the once-a-second look goes on without."""
    real = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if not which or thread.name == which:
            raise RuntimeError("can't start new thread")
        real(thread)

    watched = Watched(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        watched.watcher.start()
        watched.watcher.stop()
    assert watched.watcher.note == "files are not watched (can't start new thread): changes are noticed within a second or two"


def test_whatever_comes_into_a_followed_folder_wakes_the_loop(watched: Watched) -> None:
    """Tags have names that nobody knows beforehand; and no longer once it isn't followed."""
    tags = watched.repository.common_dir / "refs/tags"
    watched.watcher.follow((), (tags,))
    watched.quiet()
    git(watched.root, "tag", "v1")
    assert watched.rung()
    watched.watcher.follow((), ())
    watched.quiet()
    git(watched.root, "tag", "v2")
    assert not watched.bell.wait(0.3)
