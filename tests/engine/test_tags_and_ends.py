"""Jobs that a tag triggers, or the end of another job's run: as in test_triggers.py."""

from __future__ import annotations

from octojobs.core.job import Overlap
from octojobs.core.when import Ending, JobWhen, RefWhen, TagWhen
from tests.engine.place import TOLD, Place
from tests.engine.world import job
from tests.helpers import git

MAIN = RefWhen("refs/heads/main")


def test_each_new_tag_has_a_run(place: Place) -> None:
    """Those that were there are no news; neither are others; one that is made again is."""
    git(place.repo, "tag", "v1")
    place.declare(job("release", when=TagWhen("v*"), overlap=Overlap.QUEUE_ALL))
    place.rest()
    git(place.repo, "tag", "v2")
    git(place.repo, "tag", "--annotate", "--message", "three", "v3")
    git(place.repo, "tag", "other")
    place.rest()
    at = place.head()[:12]
    assert sorted(place.whys()) == [f"refs/tags/v2 is new, at {at}", f"refs/tags/v3 is new, at {at}"]
    git(place.repo, "tag", "--delete", "v2")
    place.rest()
    git(place.repo, "tag", "v2")
    place.rest()
    place.commit("src/app.py", "2\n")
    git(place.repo, "tag", "--force", "v1")
    place.rest()
    assert place.whys()[2:] == [f"refs/tags/v2 is new, at {at}", f"refs/tags/v1 moved from {at} to {place.head()[:12]}"]


def test_a_flood_of_tags_is_bounded(place: Place) -> None:
    """A hundred runs, and one line for the rest."""
    place.declare(job("release", when=TagWhen("v*"), overlap=Overlap.QUEUE_ALL))
    place.rest()
    lines = "".join(f"create refs/tags/v{number:03} {place.head()}\n" for number in range(103))
    (place.repo / "lines").write_text(lines)
    git(place.repo, "config", "alias.make", f"!git update-ref --stdin < {place.repo / 'lines'}")
    git(place.repo, "make")
    place.tick()
    place.tick(1)
    assert place.reasons() == [("skipped", 3, "103 tags are new, and the newest 100 of them are run")]
    assert len(place.runs()) == 100
    place.ask("cancel", job="release")


def test_the_end_of_a_run_starts_the_jobs_that_wait_for_it(place: Place) -> None:
    """By its outcome; which commit it was about is passed on."""
    place.declare(
        job("good", "true", when=MAIN),
        job("bad", "exit 3", when=MAIN),
        job("after_good", TOLD, when=JobWhen(job("good").id, Ending.SUCCEEDED)),
        job("never", when=JobWhen(job("good").id, Ending.FAILED)),
        job("after_bad", when=JobWhen(job("bad").id, Ending.FAILED)),
        job("always", when=JobWhen(job("bad").id, Ending.FINISHED)),
    )
    place.rest()
    before, after = place.head(), place.commit("src/app.py", "2\n")
    place.rest()
    runs = {row.run.job: row.run for row in place.rows if row.run is not None}
    assert set(runs) == {"good", "bad", "after_good", "after_bad", "always"}
    assert place.output(runs[job("after_good").id].id) == f"job refs/heads/main {before} {after}\n"
    trigger = runs[job("always").id].trigger
    assert trigger is not None
    assert (trigger.why, trigger.run, trigger.depth) == (f"{runs[job('bad').id].id} failed", runs[job("bad").id].id, 1)


def test_a_paused_follower_waits_and_a_disabled_one_is_left_out(place: Place) -> None:
    """One run once it is resumed, for the newest end."""
    first = job("first")
    place.declare(
        first,
        job("second", when=JobWhen(first.id, Ending.SUCCEEDED), overlap=Overlap.QUEUE_ONE),
        job("off", when=JobWhen(first.id, Ending.SUCCEEDED), enabled=False),
    )
    place.tick()
    place.ask("pause", job="second")
    for _ in range(2):
        place.ask("run", job="first")
        place.tick(1)
        place.drain()
    (queued,) = place.runs()
    place.ask("resume", job="second")
    place.tick()
    place.drain()
    assert place.outcomes("second") == ["skipped", "succeeded"]
    assert queued.trigger is not None
    assert place.outcomes("off") == []
