"""Jobs that a ref triggers: a real engine, real repositories, a clock that the test moves."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from octojobs.core.job import Overlap
from octojobs.core.run import Cause
from octojobs.core.when import RefWhen
from tests.engine.place import TOLD, Place
from tests.engine.world import World, job
from tests.helpers import commit_files, git, make_repository

MAIN = RefWhen("refs/heads/main")
SOURCES = RefWhen("refs/heads/main", ("src/**",))


def test_a_commit_starts_one_run_that_is_told_what_moved(place: Place) -> None:
    """At first sight the commit that is there is no news; the next one is."""
    before = place.head()
    place.declare(job("test", TOLD, when=MAIN))
    place.rest()
    assert place.rows == []
    after = place.commit("src/app.py", "2\n")
    place.rest()
    (row,) = place.rows
    assert row.run is not None
    assert (row.outcome.value, row.run.cause, row.due) == ("succeeded", Cause.REF, row.run.claimed_at.replace(microsecond=0))
    assert place.output(row.run.id) == f"ref refs/heads/main {before} {after}\n"
    assert place.whys() == [f"refs/heads/main moved from {before[:12]} to {after[:12]}"]
    place.rest()
    assert len(place.rows) == 1


def test_commits_in_a_burst_are_one_run_and_the_older_ones_are_recorded(place: Place) -> None:
    """Git is asked when the ref has rested for a moment."""
    before = place.head()
    place.declare(job("test", when=MAIN))
    place.rest()
    for number in range(3):
        place.commit("src/app.py", f"{number}\n")
        place.tick(0.1)
        assert place.runs() == []
    place.tick(0.2)
    (run,) = place.runs()
    place.drain()
    assert run.trigger is not None
    assert (run.trigger.before, run.trigger.commit) == (before, place.head())
    assert place.reasons() == [("skipped", 2, f"coalesced into {run.id}")]


def test_a_ref_that_never_rests_is_looked_at_all_the_same(place: Place) -> None:
    """After two seconds of commits without a pause."""
    place.declare(job("test", when=MAIN))
    place.rest()
    for number in range(21):
        place.commit("src/app.py", f"{number} and more\n")
        place.tick(0.1)
    assert len(place.runs()) == 1


def test_the_loop_wakes_when_what_moved_has_rested(place: Place) -> None:
    """The look at the files tells of it, and the next tick is due a moment later."""
    place.declare(job("test", when=MAIN))
    place.rest()
    assert not place.engine.has_news()
    place.commit("src/app.py", "2\n")
    assert place.engine.has_news()
    place.tick()
    wake_at = place.engine.wake_at()
    assert wake_at is not None
    assert 0.15 < (wake_at - place.clock.now()).total_seconds() <= 0.2
    assert not place.engine.has_news()


def test_paths_are_compared_from_the_last_commit_handled(place: Place) -> None:
    """A commit elsewhere is handled by looking at it; a burst counts as a whole."""
    place.declare(job("test", when=SOURCES))
    place.rest()
    place.commit("README.md", "two\n")
    place.rest()
    assert place.rows == []
    between = place.head()
    place.commit("src/app.py", "2\n")
    after = place.commit("README.md", "three\n")
    place.rest()
    assert place.whys() == [f"refs/heads/main moved from {between[:12]} to {after[:12]}; src/app.py changed"]


def test_what_moved_while_no_daemon_ran_is_one_run_after_the_start(place: Place) -> None:
    """The last commit handled stands in the state."""
    place.declare(job("test", when=MAIN))
    place.rest()
    place.stop()
    for number in range(3):
        place.commit("src/app.py", f"{number} later\n")
    place.start()
    place.tick()
    place.drain()
    assert place.outcomes() == ["skipped", "succeeded"]
    place.restart()
    place.rest()
    assert len(place.rows) == 2


def test_amending_rebasing_and_forcing_move_a_ref_too(place: Place) -> None:
    """The trees are compared, whichever commit came from which."""
    first = place.head()
    place.declare(job("test", when=SOURCES))
    place.rest()
    place.commit("src/app.py", "2\n")
    place.rest()
    git(place.repo, "commit", "--quiet", "--amend", "--message", "other words")
    place.rest()
    assert len(place.rows) == 1
    (place.repo / "src/app.py").write_text("3\n")
    git(place.repo, "commit", "--quiet", "--all", "--amend", "--no-edit")
    place.rest()
    assert len(place.rows) == 2
    git(place.repo, "reset", "--quiet", "--hard", first)
    place.rest()
    assert len(place.rows) == 3
    git(place.repo, "checkout", "--quiet", "-b", "side")
    place.commit("src/side.py", "1\n")
    git(place.repo, "checkout", "--quiet", "main")
    place.commit("src/app.py", "4\n")
    place.rest()
    git(place.repo, "checkout", "--quiet", "side")
    git(place.repo, "rebase", "--quiet", "main")
    git(place.repo, "branch", "--force", "main", "side")
    place.rest()
    assert place.outcomes() == ["succeeded"] * 5
    assert place.whys()[-1].endswith("; src/side.py changed")


def test_a_branch_that_is_deleted_starts_nothing_and_is_compared_when_it_is_back(place: Place) -> None:
    """With the commit that was handled last; a branch that never was is new."""
    git(place.repo, "branch", "side")
    place.declare(job("side", when=RefWhen("refs/heads/side")), job("new", when=RefWhen("refs/heads/new/one")))
    place.rest()
    git(place.repo, "branch", "--delete", "--force", "side")
    place.rest()
    git(place.repo, "branch", "side")
    place.rest()
    assert place.rows == []
    git(place.repo, "branch", "--delete", "--force", "side")
    place.rest()
    before, after = place.head(), place.commit("src/app.py", "2\n")
    git(place.repo, "branch", "side")
    git(place.repo, "branch", "new/one")
    place.rest()
    assert sorted(place.whys()) == [
        f"refs/heads/new/one is new, at {after[:12]}",
        f"refs/heads/side moved from {before[:12]} to {after[:12]}",
    ]


def test_a_handled_commit_that_is_gone_counts_as_changed_and_says_so(place: Place) -> None:
    """History was rewritten and tidied up while no daemon ran."""
    place.commit("README.md", "two\n")
    before = place.head()
    place.declare(job("test", when=SOURCES))
    place.rest()
    place.stop()
    git(place.repo, "commit", "--quiet", "--amend", "--message", "another")
    git(place.repo, "reflog", "expire", "--expire=now", "--all")
    git(place.repo, "gc", "--quiet", "--prune=now")
    place.start()
    place.tick()
    place.drain()
    moved = f"refs/heads/main moved from {before[:12]} to {place.head()[:12]}"
    assert place.whys() == [f"{moved}; commit {before[:12]} is no longer in the repository: everything counts as changed"]


def test_packed_refs_are_looked_at(place: Place) -> None:
    """Packing alone is no move, and a packed ref that moves is one."""
    place.declare(job("test", when=MAIN))
    place.rest()
    git(place.repo, "pack-refs", "--all")
    place.rest()
    assert place.rows == []
    place.commit("src/app.py", "2\n")
    git(place.repo, "pack-refs", "--all")
    place.rest()
    assert place.outcomes() == ["succeeded"]


def test_a_commit_in_a_linked_worktree_counts(place: Place, tmp_path: Path) -> None:
    """Branches are those of the whole repository."""
    git(place.repo, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "linked"))
    place.declare(job("side", when=RefWhen("refs/heads/side")))
    place.rest()
    commit_files(tmp_path / "linked", {"src/side.py": "1\n"})
    place.rest()
    assert place.outcomes() == ["succeeded"]


def test_a_fetch_moves_the_refs_of_a_remote_also_in_a_shallow_clone(place: Place, tmp_path: Path) -> None:
    """Of a history that is cut off, the trees of both commits are there."""
    upstream = make_repository(tmp_path / "upstream", {"src/app.py": "1\n"})
    commit_files(upstream, {"src/app.py": "2\n"})
    git(place.repo, "remote", "add", "origin", upstream.as_uri())
    git(place.repo, "fetch", "--quiet", "--depth=1", "origin")
    place.declare(job("test", when=RefWhen("refs/remotes/origin/main", ("src/**",))))
    place.rest()
    before = git(place.repo, "rev-parse", "origin/main")
    after = commit_files(upstream, {"src/app.py": "3\n"})
    git(place.repo, "fetch", "--quiet", "--depth=1", "origin")
    place.rest()
    assert place.whys() == [f"refs/remotes/origin/main moved from {before[:12]} to {after[:12]}; src/app.py changed"]


def test_a_symbolic_ref_moves_with_the_one_that_it_stands_for(place: Place) -> None:
    """Its own file stays as it is."""
    git(place.repo, "symbolic-ref", "refs/heads/trunk", "refs/heads/main")
    place.declare(job("test", when=RefWhen("refs/heads/trunk")))
    place.rest()
    place.rest()
    place.commit("src/app.py", "2\n")
    place.rest()
    assert place.outcomes() == ["succeeded"]


def test_what_moves_during_a_pause_is_one_run_once_it_is_over(place: Place) -> None:
    """The commits in between are recorded with it."""
    place.declare(job("test", when=MAIN))
    place.rest()
    place.ask("pause", job="test")
    place.rest()
    before = place.head()
    place.commit("src/app.py", "2\n")
    place.rest()
    place.commit("src/app.py", "3\n")
    place.rest()
    assert place.rows == []
    place.ask("resume", job="test")
    place.tick()
    (run,) = place.runs()
    place.drain()
    assert run.trigger is not None
    assert (run.trigger.before, place.outcomes()) == (before, ["skipped", "succeeded"])


def test_a_run_that_has_not_begun_gives_way_to_the_newest_commit(place: Place) -> None:
    """And what it was to deal with is then the new one's; the one that runs is left alone."""
    place.declare(job("test", "read line < gate", when=MAIN, overlap=Overlap.QUEUE_ONE))
    place.rest()
    os.mkfifo(place.repo / "gate")
    place.commit("src/app.py", "2\n")
    place.tick()
    place.tick(1)
    handled = place.head()
    for number in (3, 4):
        place.commit("src/app.py", f"{number}\n")
        place.tick()
        place.tick(1)
    running, queued = place.runs()
    assert queued.trigger is not None
    assert (running.phase.value, queued.phase.value, queued.trigger.before) == ("running", "queued", handled)
    assert place.reasons() == [("skipped", 1, f"coalesced into {queued.id}")]
    for run in (running, queued):
        (place.repo / "gate").write_text("go\n")
        place.end_of(run.id)


def test_overlap_skip_leaves_a_commit_out_and_says_so(place: Place) -> None:
    """As it does with a due instant."""
    place.declare(job("test", "sleep 600", when=MAIN))
    place.rest()
    place.commit("src/app.py", "2\n")
    place.tick()
    place.tick(1)
    before = place.head()
    after = place.commit("src/app.py", "3\n")
    place.tick()
    place.tick(1)
    (run,) = place.runs()
    reason = f"refs/heads/main moved from {before[:12]} to {after[:12]}; previous run {run.id} is still running"
    assert place.reasons() == [("skipped", 1, reason)]


def test_a_disabled_job_returns_without_a_past(place: Place) -> None:
    """What happened while it was disabled, or away, is none of its business."""
    for away in (job("test", when=MAIN, enabled=False), None):
        place.declare(job("test", when=MAIN))
        place.rest()
        place.declare(*([away] if away else []))
        place.rest()
        place.commit("src/app.py", f"{away}\n")
        place.rest()
    place.declare(job("test", when=MAIN))
    place.rest()
    assert place.rows == []


def test_an_edited_ref_is_seen_anew(place: Place) -> None:
    """And so is the one before, when the edit is taken back."""
    git(place.repo, "branch", "side")
    place.declare(job("test", when=MAIN))
    place.rest()
    place.declare(job("test", when=RefWhen("refs/heads/side")))
    place.rest()
    place.commit("src/app.py", "2\n")
    place.declare(job("test", when=MAIN))
    place.rest()
    assert place.rows == []


def test_git_that_does_not_answer_is_asked_again(place: Place) -> None:
    """Nothing is lost, and the log says it once."""
    place.declare(job("test", when=MAIN))
    place.rest()
    place.commit("src/app.py", "2\n")
    away = place.repo / ".git.away"
    (place.repo / ".git").rename(away)
    place.tick()
    place.tick(1)
    assert place.runs() == []
    away.rename(place.repo / ".git")
    assert place.engine.has_news()
    place.rest()
    assert place.outcomes() == ["succeeded"]


def test_a_pause_that_ends_while_git_does_not_answer_keeps_nobody_awake(place: Place) -> None:
    """There is no next instant but that of the next look at the files."""
    place.declare(job("test", when=MAIN))
    place.rest()
    place.ask("pause", job="test", until=place.clock.now() + timedelta(seconds=10))
    place.commit("src/app.py", "2\n")
    place.rest()
    assert place.engine.wake_at() == place.clock.now() + timedelta(seconds=9)
    away = place.repo / ".git.away"
    (place.repo / ".git").rename(away)
    place.tick(10)
    assert (place.engine.wake_at(), place.engine.has_news()) == (None, True)
    away.rename(place.repo / ".git")
    place.rest()
    assert place.outcomes() == ["succeeded"]


def test_outside_git_nothing_is_looked_for(world: World) -> None:
    """A scheduler of the Python API may have such a job, and it never falls due."""
    world.declare(job("test", when=MAIN))
    world.tick()
    assert (world.engine.has_news(), world.engine.wake_at(), world.engine.triggers.watch_files()) == (False, None, ())
