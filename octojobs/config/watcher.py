"""Notices within a fraction of a second that definition files or refs changed: a hint that ends the loop's sleep, never an answer.

Correctness does not rest on events. They get lost: a queue overflows, a network file system has none, and a checkout that
removes and restores `.octopoid` leaves a watch on a folder that is gone (libraries call it deaf). So the loop stats the same
files every second or two, and this room only makes it faster. What it does about the known losses:

- it watches folders, each by itself: the root of the working tree for `.octopoid` coming and going, `.octopoid` and
  `.octopoid/jobs`, and the folders of the refs that count;
- whenever one of them came, went or was moved, or is another inode than before, its watch is made anew, before the wake-up:
  what changed earlier is seen by whoever woke up, what changes later by the new watch;
- opening and reading are not asked for: our own reads wake nobody.

The first event of a burst starts a window, and the burst's one wake-up comes at its end: of 20 ms after some quiet, since a commit is
one rename of one file, and of 0.2 s while events go on. So a steady stream of them neither wakes the loop more than five times a second
nor keeps it from waking.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from octojobs.config.files import FOLDER, JOBS_FOLDER
from octojobs.core.agent_names import AGENTS_FOLDER

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver, ObservedWatch

DEBOUNCE_S = 0.2
FIRST_DEBOUNCE_S = 0.02


class Watcher:
    """Calls `wake` (any thread, must only ring a bell) when the files that are followed, or files in `.octopoid`, changed.

    `start` once, `follow` at any time, `stop` as often as you like: it returns when both threads have ended. `note` says
    why nothing is watched, when the system refuses (too many watches): the once-a-second look goes on.
    """

    def __init__(self, root: Path, wake: Callable[[], None], debounce_s: float = DEBOUNCE_S) -> None:
        self.note = ""
        self._root = os.path.realpath(root)
        self._wake = wake
        self._debounce_s = debounce_s
        self._lock = threading.Lock()  # for _arrange: the loop's thread and our own call it; never taken on the observer's
        self._folders = frozenset(os.path.join(self._root, folder) for folder in (FOLDER, JOBS_FOLDER, AGENTS_FOLDER))
        self._asked_for: tuple[tuple[Path, ...], tuple[Path, ...]] = ((), ())
        self._files: frozenset[str] = frozenset()
        self._whole: frozenset[str] = frozenset()
        self._places = self._folders
        self._stale: deque[str] = deque()
        self._watches: dict[str, tuple[ObservedWatch, tuple[int, int]]] = {}
        self._observer: BaseObserver | None = None
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="octojobs-watcher", daemon=True)

    def start(self) -> None:
        """Begin to watch; raises RuntimeError when called twice."""
        # lazily: 40 ms that verbs without a daemon need not pay
        from watchdog.observers import Observer

        if self._observer is not None or self._stopping.is_set():
            raise RuntimeError("a watcher is started once")
        try:
            self._observer = Observer()
            self._observer.start()
            self._thread.start()
        except (OSError, RuntimeError) as error:  # RuntimeError: the system has no room for a thread
            self.note = _refused(error)
        with self._lock:
            self._arrange()

    def follow(self, files: tuple[Path, ...], folders: tuple[Path, ...] = ()) -> None:
        """Watch these files (they need not exist), and whatever lies in these folders, in place of those before.

        Cheap when they are the same.
        """
        if (files, folders) == self._asked_for:
            return
        self._asked_for = (files, folders)
        whole = frozenset(os.path.realpath(folder) for folder in folders)
        wanted = frozenset(os.path.join(os.path.realpath(file.parent), file.name) for file in files)
        with self._lock:
            if (wanted, whole) != (self._files, self._whole):
                self._files, self._whole = wanted, whole
                self._arrange()

    def stop(self) -> None:
        """End both threads; nothing is called after that."""
        self._stopping.set()
        self._changed.set()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()
        if self._observer is not None and self._observer.ident is not None:
            self._observer.stop()
            self._observer.join()

    def _on_event(self, event: FileSystemEvent) -> None:
        """Decide whether it counts, ring, return: this is the observer's thread, and it holds the observer's lock."""
        paths = {os.fsdecode(path) for path in (event.src_path, event.dest_path) if path}
        remade = paths & self._places
        self._stale.extend(remade)
        if remade or paths & self._files or any(self._counts(path) for path in paths):
            self._changed.set()

    def _counts(self, path: str) -> bool:
        folder = os.path.dirname(path)
        return folder in self._whole or (path.endswith((".yaml", ".yml")) and folder in self._folders)

    def _run(self) -> None:
        while not self._stopping.is_set():
            quiet = not self._changed.wait(self._debounce_s)
            self._changed.wait()
            if self._stopping.wait(min(FIRST_DEBOUNCE_S, self._debounce_s) if quiet else self._debounce_s):
                return
            self._changed.clear()
            with self._lock:
                self._arrange()
            self._wake()

    def _arrange(self) -> None:
        """Make the watches what they should be; called with the lock held."""
        if self._observer is None or self.note:
            return
        wanted = self._places = frozenset({self._root, *self._folders, *self._whole, *(os.path.dirname(file) for file in self._files)})
        stale = {self._stale.popleft() for _ in range(len(self._stale))}
        for folder in list(self._watches):
            watch, inode = self._watches[folder]
            if folder not in wanted or folder in stale or _inode(folder) != inode:
                del self._watches[folder]
                self._observer.unschedule(watch)
        for folder in wanted - self._watches.keys():
            self._watch(folder)

    def _watch(self, folder: str) -> None:
        # lazily, as in `start`
        from watchdog.events import (
            DirCreatedEvent,
            DirDeletedEvent,
            DirMovedEvent,
            FileCreatedEvent,
            FileDeletedEvent,
            FileModifiedEvent,
            FileMovedEvent,
            FileSystemEventHandler,
        )

        kinds = [DirCreatedEvent, DirDeletedEvent, DirMovedEvent, FileCreatedEvent, FileDeletedEvent, FileModifiedEvent, FileMovedEvent]
        handler = FileSystemEventHandler()
        handler.on_any_event = self._on_event  # type: ignore[method-assign]  # one method, no class of our own at import time
        inode = _inode(folder)
        if inode is None or self._observer is None:
            return
        try:
            self._watches[folder] = self._observer.schedule(handler, folder, recursive=False, event_filter=kinds), inode
        except FileNotFoundError:
            return  # gone again: its coming back is an event of the folder above
        except (OSError, RuntimeError) as error:  # as in `start`: each watch has a thread
            self.note = _refused(error)


def _inode(folder: str) -> tuple[int, int] | None:
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _refused(error: OSError | RuntimeError) -> str:
    why = error.strerror if isinstance(error, OSError) else error
    return f"files are not watched ({why}): changes are noticed within a second or two"
