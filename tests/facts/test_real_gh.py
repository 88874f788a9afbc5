"""The real `gh` against a server of ours: what it prints has the forms that the fake one of all other tests has."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.guards import Status
from octojobs.facts import gh
from octojobs.facts.fact import FactContext, Unreadable
from octojobs.facts.issues import issues
from tests.facts import fake_gh
from tests.facts.github_server import HOST, TOKEN, Server, issue_node, pull
from tests.facts.world import context_of, expect
from tests.helpers import git

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RUNS = fake_gh.check_runs(("test", "completed", "success"), ("e2e", "in_progress", None))

pytestmark = [
    pytest.mark.skipif(shutil.which("gh") is None, reason="there is no gh"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make a certificate with"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A GitHub of our own."""
    server = Server(tmp_path / "server")
    yield server
    server.close()


@pytest.fixture
def shop(repo: Path) -> Path:
    """A clone of ada/shop from there."""
    return fake_gh.with_origin(repo, f"git@{HOST}:ada/shop.git")


def look(shop: Path, server: Server, **environ: str) -> FactContext:
    """As a guard looks, with the real gh."""
    path = {"PATH": f"{Path(shutil.which('gh') or '').parent}:/usr/bin:/bin"}
    return context_of(shop, at=NOON, environ={**path, **server.environment(shop.parent), **environ})


def forms(value: Any) -> Any:
    """A value's keys and types; what an empty list would hold can't be told."""
    if isinstance(value, dict):
        return {key: forms(one) for key, one in value.items()}
    return [forms(one) for one in value[:1]] if isinstance(value, list) else type(value).__name__


def said(shop: Path, server: Server, *arguments: str) -> Any:
    """What gh prints when it is asked so."""
    return gh.ask(list(arguments), HOST, look(shop, server).environ)


def test_lists_have_the_forms_of_the_fake_one(shop: Path, server: Server) -> None:
    """Pull requests and issues, key for key."""
    server.store.pulls = [pull(9, "Mend the tests", "2026-11-20T11:00:00Z")]
    server.store.issues = [issue_node(3, "Mend it", "It is broken.")]
    listed = ["--repo", f"{HOST}/ada/shop", "--state", "open"]
    real = said(shop, server, "pr", "list", *listed, "--limit", "200", "--json", "number,title,updatedAt,isDraft")
    assert real == [fake_gh.pull_request(9, "Mend the tests", "2026-11-20T11:00:00Z")]
    real = said(shop, server, "issue", "list", *listed, "--label=agents", "--limit", "50", "--json", "number,title,body,author,url")
    fake = fake_gh.issue(3, "Mend it", "It is broken.")
    assert forms([{**real[0], "author": {"login": real[0]["author"]["login"]}}]) == forms([{**fake, "author": {"login": "mallory"}}])
    assert {key: real[0][key] for key in ("number", "title", "body")} == {key: fake[key] for key in ("number", "title", "body")}


def test_open_and_stale_pull_requests_are_told(shop: Path, server: Server) -> None:
    """The guards, over the whole way; one question for both."""
    server.store.pulls = [
        pull(9, "Mend the tests", "2026-11-20T11:00:00Z"),
        pull(7, "Paint it", "2026-11-18T11:00:00Z"),
        pull(5, "Try it", "2026-11-01T11:00:00Z", draft=True),
    ]
    words = "3 open pull requests: #9 Mend the tests, #7 Paint it, #5 Try it"
    expect(look(shop, server), "has_open_prs", Status.PASSED, words)
    expect(look(shop, server), "has_stale_prs", Status.PASSED, "1 stale pull request: #7 Paint it; left alone for 1d")
    assert server.store.asked == ["pullRequests ada/shop 100"]


def test_issues_come_with_their_authors(shop: Path, server: Server) -> None:
    """Those with the label; of an account that is gone there is no name."""
    server.store.issues = [issue_node(3, "Mend it", "a\r\nb"), issue_node(4, "Gone", author=None), issue_node(5, "Other", label="bug")]
    found = issues("agents", look(shop, server))
    told = [(one.number, one.title, one.body, one.author, one.url) for one in found.open]
    url = f"https://{HOST}/ada/shop/issues"
    assert told == [(3, "Mend it", "a\r\nb", "mallory", f"{url}/3"), (4, "Gone", "", found.open[1].author, f"{url}/4")]
    assert found.project == f"{HOST}/ada/shop"


def test_checks_and_statuses_are_told(shop: Path, server: Server) -> None:
    """REST, passed through as it comes."""
    commit = git(shop, "rev-parse", "HEAD")
    path = f"repos/ada/shop/commits/{commit}"
    server.store.rest[f"{path}/check-runs?per_page=100"] = (200, RUNS)
    server.store.rest[f"{path}/status?per_page=100"] = (200, fake_gh.statuses(commit, ("ci/jenkins", "success")))
    expect(look(shop, server), "ci_green", Status.FAILED, f"HEAD at {commit[:12]}: not done yet: e2e", ref="HEAD")
    assert server.store.asked == [f"GET {path}/check-runs?per_page=100", f"GET {path}/status?per_page=100"]


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ((401, "Bad credentials"), f"gh is not logged in to {HOST}: `gh auth login --hostname {HOST}`"),
        ((403, "API rate limit exceeded for user ID 1."), "GitHub's rate limit is used up"),
        ((404, "Not Found"), "GitHub knows no such repository or ref, or does not show it to you"),
        ((422, "No commit found for SHA: heads/none"), "GitHub does not know that commit: was it pushed?"),
        ((500, "Server Error"), None),
    ],
)
def test_a_refusal_is_told_in_words(shop: Path, server: Server, refusal: tuple[int, str], words: str | None) -> None:
    """As the real one words it; what is not foreseen is handed on."""
    server.store.refusal = refusal
    with pytest.raises(Unreadable) as refused:
        gh.ask(["api", "--hostname", HOST, "--method", "GET", "repos/ada/shop/commits/heads/none/status"], HOST, look(shop, server).environ)
    assert str(refused.value) == words if words else str(refused.value).startswith("gh failed: ")
    assert TOKEN not in str(refused.value)


def test_who_is_not_logged_in_and_who_is_offline_are_told_apart(shop: Path, server: Server) -> None:
    """Both mean that no question would be answered."""
    environ = {key: value for key, value in look(shop, server).environ.items() if key != "GH_ENTERPRISE_TOKEN"}
    question = ["pr", "list", "--repo", f"{HOST}/ada/shop", "--json", "number"]
    with pytest.raises(gh.Unavailable, match="gh is not logged in to"):
        gh.ask(question, HOST, environ)
    server.close()
    with pytest.raises(gh.Unavailable, match=f"gh can't connect to {HOST}"):
        gh.ask(question, HOST, look(shop, server).environ)


def test_the_version_is_one_that_says_so() -> None:
    """For whoever reads the log of the tests."""
    done = subprocess.run(["gh", "--version"], capture_output=True, text=True, check=True)
    assert json.dumps(done.stdout).startswith('"gh version ')
