"""has_open_prs, has_stale_prs and ci_green ask GitHub through gh, within a budget; whatever gh can't say is unknown."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.guards import Status, Verdict
from octojobs.facts import gh as gh_room
from octojobs.facts import github
from tests.facts.fake_gh import FakeGh, check_runs, pull_request, statuses, with_origin
from tests.facts.world import context_of, context_of_folder, expect, verdict_of
from tests.helpers import git

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LISTED = [pull_request(9, "Mend the tests", "2026-11-20T11:00:00Z"), pull_request(7, "Paint it", "2026-11-18T11:00:00Z")]
DRAFT = pull_request(5, "Try it", "2026-11-01T11:00:00Z", draft=True)
GREEN = check_runs(("test", "completed", "success"), ("docs", "completed", "skipped"), ("lint", "completed", "neutral"))


@pytest.fixture
def gh(tmp_path: Path) -> FakeGh:
    """A gh that was asked nothing yet."""
    return FakeGh(tmp_path / "bin")


@pytest.fixture
def shop(repo: Path) -> Path:
    """A clone of github.com/ada/shop."""
    return with_origin(repo)


def test_open_pull_requests_are_listed(gh: FakeGh, shop: Path) -> None:
    """By number and title, the first three."""
    gh.says("pr_list", [*LISTED, DRAFT, pull_request(3, "Fourth", "2026-11-20T11:00:00Z")])
    words = "4 open pull requests: #9 Mend the tests, #7 Paint it, #5 Try it and 1 more"
    expect(gh.context(shop, at=NOON), "has_open_prs", Status.PASSED, words)
    command = "pr list --repo github.com/ada/shop --state open --limit 200 --json number,title,updatedAt,isDraft"
    assert gh.asked == [command]


def test_without_open_pull_requests_there_are_none(gh: FakeGh, shop: Path) -> None:
    """An empty list is an answer."""
    gh.says("pr_list", [])
    expect(gh.context(shop, at=NOON), "has_open_prs", Status.FAILED, "no pull request is open")
    expect(gh.context(shop, at=NOON), "has_stale_prs", Status.FAILED, "no open pull request was left alone for 1d, of 0")


def test_a_pull_request_is_stale_when_nobody_touched_it_and_it_is_no_draft(gh: FakeGh, shop: Path) -> None:
    """A day without activity, unless the guard says otherwise; the one that waits longest first."""
    gh.says("pr_list", [*LISTED, DRAFT])
    words = "1 stale pull request: #7 Paint it; left alone for 1d"
    expect(gh.context(shop, at=NOON), "has_stale_prs", Status.PASSED, words)
    words = "2 stale pull requests: #7 Paint it, #9 Mend the tests; left alone for 30m"
    expect(gh.context(shop, at=NOON), "has_stale_prs", Status.PASSED, words, older_than_s=1800)
    words = "no open pull request was left alone for 7d, of 3"
    expect(gh.context(shop, at=NOON), "has_stale_prs", Status.FAILED, words, older_than_s=7 * 86_400)
    assert len(gh.asked) == 1


def test_titles_cannot_forge_evidence(gh: FakeGh, shop: Path) -> None:
    """Strangers write them."""
    gh.says("pr_list", [pull_request(1, "a\nb\x1b[2J", "2026-11-20T11:00:00Z")])
    expect(gh.context(shop, at=NOON), "has_open_prs", Status.PASSED, "1 open pull request: #1 a b\\x1b[2J")


@pytest.mark.parametrize(
    ("runs", "said", "status", "evidence"),
    [
        (GREEN, [], Status.PASSED, "3 checks, all of them green"),
        (check_runs(), [("ci/jenkins", "success")], Status.PASSED, "1 check, all of them green"),
        (check_runs(("test", "completed", "failure"), ("e2e", "in_progress", None)), [], Status.FAILED, "failed: test"),
        (check_runs(("test", "completed", "timed_out")), [("ci/jenkins", "error")], Status.FAILED, "failed: test, ci/jenkins"),
        (check_runs(("test", "completed", "action_required")), [], Status.FAILED, "failed: test"),
        (check_runs(("test", "queued", None)), [("ci", "success")], Status.FAILED, "not done yet: test"),
        (GREEN, [("ci/jenkins", "pending")], Status.FAILED, "not done yet: ci/jenkins"),
        (check_runs(("a", "completed", "success"), ("a", "completed", "success")), [], Status.PASSED, "2 checks, all of them green"),
        (check_runs(), [], Status.UNKNOWN, "no check has reported"),
        (check_runs(("a", "completed", "success"), total=101), [], Status.UNKNOWN, "1 of 101 checks were told, all of them green"),
    ],
)
def test_a_commit_is_green_when_all_its_checks_are(
    gh: FakeGh, shop: Path, runs: dict[str, Any], said: list[tuple[str, str]], status: Status, evidence: str
) -> None:
    """Check runs of GitHub Actions and other apps, and statuses of older services."""
    commit = git(shop, "rev-parse", "HEAD")
    gh.says("check_runs", runs)
    gh.says("status", statuses(commit, *said))
    expect(gh.context(shop, at=NOON), "ci_green", status, f"HEAD at {commit[:12]}: {evidence}", ref="HEAD")
    path = f"repos/ada/shop/commits/{commit}"
    ask = "api --hostname github.com --method GET"
    assert gh.asked == [f"{ask} {path}/check-runs?per_page=100", f"{ask} {path}/status?per_page=100"]


@pytest.mark.parametrize(
    ("ref", "theirs"),
    [
        ("main", "heads/main"),
        ("refs/heads/fix/1", "heads/fix/1"),
        ("refs/remotes/origin/main", "heads/main"),
        ("refs/tags/v1", "tags/v1"),
        ("fix#1", "heads/fix%231"),
    ],
)
def test_a_branch_or_tag_is_githubs_own(gh: FakeGh, shop: Path, ref: str, theirs: str) -> None:
    """What it stands for there, whatever was fetched."""
    gh.says("check_runs", GREEN)
    gh.says("status", statuses("3f2c1ab09d4e" * 3 + "3f2c"))
    words = f"{ref.removeprefix('refs/heads/')} at 3f2c1ab09d4e: 3 checks, all of them green"
    expect(gh.context(shop, at=NOON), "ci_green", Status.PASSED, words, ref=ref)
    assert f"commits/{theirs}/check-runs" in gh.asked[0]


@pytest.mark.parametrize(
    ("error", "exit_code", "words"),
    [
        (
            "To get started with GitHub CLI, please run:  gh auth login\nAlternatively, populate the GH_TOKEN environment variable",
            4,
            "gh is not logged in to github.com: `gh auth login --hostname github.com`",
        ),
        ("gh: Bad credentials (HTTP 401)", 1, "gh is not logged in to github.com: `gh auth login --hostname github.com`"),
        ("GraphQL: API rate limit exceeded for user ID 1.", 1, "GitHub's rate limit is used up"),
        ("gh: API rate limit exceeded for user ID 1. (HTTP 403)", 1, "GitHub's rate limit is used up"),
        ("gh: You have exceeded a secondary rate limit. Please wait a few minutes (HTTP 403)", 1, "GitHub's rate limit is used up"),
        ("gh: Too Many Requests (HTTP 429)", 1, "GitHub's rate limit is used up"),
        (
            "GraphQL: Could not resolve to a Repository with the name 'ada/shop'. (repository)",
            1,
            "GitHub knows no such repository or ref, or does not show it to you",
        ),
        ("gh: Not Found (HTTP 404)", 1, "GitHub knows no such repository or ref, or does not show it to you"),
        ("error connecting to api.github.com\ncheck your internet connection", 1, "gh can't connect to github.com"),
        ("something\nnew", 1, "gh failed: something new"),
        ("", 3, "gh failed: exit 3"),
    ],
)
def test_what_gh_refuses_is_unknown_with_the_reason(gh: FakeGh, shop: Path, error: str, exit_code: int, words: str) -> None:
    """Never "there are none"."""
    gh.says("pr_list", "", exit_code, error)
    expect(gh.context(shop, at=NOON), "has_open_prs", Status.UNKNOWN, words)
    expect(gh.context(shop, at=NOON), "has_stale_prs", Status.UNKNOWN, words)


def test_a_commit_that_github_does_not_know_is_unknown(gh: FakeGh, shop: Path) -> None:
    """It was not pushed yet."""
    gh.says("check_runs", {"message": "No commit found for SHA: 3f2c"}, 1, "gh: No commit found for SHA: 3f2c (HTTP 422)")
    expect(gh.context(shop, at=NOON), "ci_green", Status.UNKNOWN, "GitHub does not know that commit: was it pushed?", ref="HEAD")


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        ('[{"number": 1', "gh printed no JSON"),
        ("<html>", "gh printed no JSON"),
        ("", "gh printed no JSON"),
        ("[" * 100_000, "gh printed no JSON"),
        ("{}", "gh printed JSON of another form than it should"),
        ('[{"number": 1}]', "gh printed JSON of another form than it should"),
        ("[1]", "gh printed JSON of another form than it should"),
        ('[{"number": 1, "title": "x", "isDraft": false, "updatedAt": "soon"}]', "gh printed JSON of another form than it should"),
        ("null", "gh printed JSON of another form than it should"),
    ],
)
def test_an_answer_of_another_form_is_unknown(gh: FakeGh, shop: Path, printed: str, words: str) -> None:
    """A proxy's page, half an answer, a later version."""
    gh.says("pr_list", printed)
    expect(gh.context(shop, at=NOON), "has_open_prs", Status.UNKNOWN, words)


def test_a_gh_that_hangs_is_unknown(gh: FakeGh, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty seconds at most (here less)."""
    monkeypatch.setattr(gh_room, "TIMEOUT_S", 0.2)
    (gh.folder / "hang").touch()
    expect(gh.context(shop, at=NOON), "has_open_prs", Status.UNKNOWN, "gh did not answer within 0.2 s")


def test_without_gh_nobody_knows(shop: Path, tmp_path: Path) -> None:
    """It need not be installed."""
    context = context_of(shop, at=NOON, environ={"PATH": str(tmp_path)})
    expect(context, "has_open_prs", Status.UNKNOWN, "gh is not installed, or not on PATH")


@pytest.mark.parametrize(
    ("url", "project"),
    [
        ("git@github.com:ada/shop.git", "github.com/ada/shop"),
        ("ssh://git@ssh.github.com:443/ada/shop.git", "github.com/ada/shop"),
        ("https://github.com/ada/shop", "github.com/ada/shop"),
        ("https://token@GitHub.com/ada/shop.git/", "github.com/ada/shop"),
        ("git@ghe.example.org:team/shop.x", "ghe.example.org/team/shop.x"),
        ("github.com:ada/shop", "github.com/ada/shop"),
    ],
)
def test_the_project_is_the_one_that_origin_is(gh: FakeGh, repo: Path, url: str, project: str) -> None:
    """In each of the forms of an address."""
    gh.says("pr_list", [])
    assert verdict_of(gh.context(with_origin(repo, url), at=NOON), "has_open_prs").status is Status.FAILED
    assert f"--repo {project} " in gh.asked[0]


@pytest.mark.parametrize(
    "url", ["/srv/shop.git", "file:///srv/shop.git", "https://github.com/-x/shop", "https://github.com/shop", "--upload-pack=x"]
)
def test_an_origin_elsewhere_is_no_project(gh: FakeGh, repo: Path, url: str) -> None:
    """Nothing is asked then."""
    git(repo, "config", "remote.origin.url", url)
    words = "the address of origin is none of a repository on GitHub"
    expect(gh.context(repo, at=NOON), "has_open_prs", Status.UNKNOWN, words)
    assert gh.asked == []


def test_without_an_origin_or_a_repository_there_is_no_project(gh: FakeGh, repo: Path, tmp_path: Path) -> None:
    """Nothing says what to ask about."""
    expect(gh.context(repo, at=NOON), "has_open_prs", Status.UNKNOWN, "there is no remote origin")
    expect(context_of_folder(tmp_path), "ci_green", Status.UNKNOWN, f"{tmp_path} is not a git repository", ref="main")


def test_gh_runs_outside_the_repository_with_the_users_token_alone(gh: FakeGh, shop: Path) -> None:
    """It can't ask the repository's git, and a token for a company's server goes to that server alone."""
    gh.says("pr_list", [])
    secrets = {"GH_TOKEN": "t1", "GH_ENTERPRISE_TOKEN": "t2", "AWS_SECRET": "t3", "HTTPS_PROXY": "http://proxy:3128"}
    verdict_of(gh.context(shop, secrets, at=NOON), "has_open_prs")
    seen = gh.environment
    assert (gh.folder / "folder").read_text() == "/\n"
    assert {name: seen.get(name) for name in secrets} == {**secrets, "GH_ENTERPRISE_TOKEN": None, "AWS_SECRET": None}
    assert (seen["GH_PROMPT_DISABLED"], seen["NO_COLOR"]) == ("1", "1")
    git(shop, "config", "remote.origin.url", "git@ghe.example.org:ada/shop")
    for meant, token in (("other.example.org", None), ("ghe.example.org", "t2")):
        later = NOON + timedelta(hours=len(gh.asked))
        verdict_of(gh.context(shop, {**secrets, "GH_HOST": meant}, at=later), "has_open_prs")
        assert gh.environment.get("GH_ENTERPRISE_TOKEN") == token


def test_nobody_is_asked_for_a_repository_that_nobody_allowed(gh: FakeGh, shop: Path) -> None:
    """The token is the user's."""
    words = "not asked: nobody has allowed what it would run here"
    expect(gh.context(shop, at=NOON, may_run=False), "has_open_prs", Status.UNKNOWN, words)
    assert gh.asked == []


def asked_at(gh: FakeGh, shop: Path, at: datetime) -> Verdict:
    """What the guard says then."""
    return verdict_of(gh.context(shop, at=at), "has_open_prs")


def test_an_answer_is_good_for_two_minutes_for_every_process(gh: FakeGh, shop: Path) -> None:
    """It is kept in the state folder; evidence says how old it is."""
    gh.says("pr_list", LISTED[:1])
    words = "1 open pull request: #9 Mend the tests"
    assert asked_at(gh, shop, NOON).evidence == words
    assert asked_at(gh, shop, NOON + timedelta(seconds=119)).evidence == f"{words} (as of 12:00)"
    assert len(gh.asked) == 1
    gh.says("pr_list", [])
    assert asked_at(gh, shop, NOON + timedelta(seconds=120)).evidence == "no pull request is open"
    assert len(gh.asked) == 2
    assert asked_at(gh, shop, NOON - timedelta(hours=5)).status is Status.FAILED
    assert len(gh.asked) == 3, "an answer of the future is none: the clock was set back"


def test_a_refusal_is_good_for_a_minute(gh: FakeGh, shop: Path) -> None:
    """A gh that is not logged in is not started at every look."""
    gh.says("pr_list", "", 4, "gh auth login")
    for seconds in (0, 30, 59):
        assert asked_at(gh, shop, NOON + timedelta(seconds=seconds)).status is Status.UNKNOWN
    assert len(gh.asked) == 1
    gh.says("pr_list", [])
    assert asked_at(gh, shop, NOON + timedelta(seconds=60)).status is Status.FAILED


def test_a_gh_that_answers_nobody_is_not_asked_the_next_question_either(gh: FakeGh, shop: Path) -> None:
    """One that hangs would hold up every guard for twenty seconds each."""
    gh.says("pr_list", "", 1, "error connecting to api.github.com")
    asked_at(gh, shop, NOON)
    words = "gh can't connect to github.com"
    at = NOON + timedelta(seconds=59)
    expect(gh.context(shop, at=at), "ci_green", Status.UNKNOWN, words, ref="main")
    assert len(gh.asked) == 1
    gh.says("check_runs", GREEN)
    gh.says("status", statuses("3f2c1ab09d4e"))
    assert verdict_of(gh.context(shop, at=NOON + timedelta(seconds=60)), "ci_green", ref="main").status is Status.PASSED


def test_a_used_up_rate_limit_is_left_alone_for_a_quarter_of_an_hour(gh: FakeGh, shop: Path) -> None:
    """No question at all is asked meanwhile; what is known will do for half an hour, and its age is told."""
    gh.says("pr_list", LISTED[:1])
    gh.says("check_runs", "", 1, "gh: API rate limit exceeded for user ID 1. (HTTP 403)")
    asked_at(gh, shop, NOON)
    words = "GitHub's rate limit is used up"
    at = NOON + timedelta(minutes=1)
    expect(gh.context(shop, at=at), "ci_green", Status.UNKNOWN, words, ref="main")
    assert len(gh.asked) == 2
    at = NOON + timedelta(minutes=10)
    expect(gh.context(shop, at=at), "ci_green", Status.UNKNOWN, f"{words}; asked again at 12:16 UTC", ref="main")
    assert asked_at(gh, shop, at).evidence == "1 open pull request: #9 Mend the tests (as of 12:00)"
    assert len(gh.asked) == 2
    gh.says("check_runs", GREEN)
    gh.says("status", statuses("3f2c1ab09d4e"))
    at = NOON + timedelta(minutes=16)
    expect(gh.context(shop, at=at), "ci_green", Status.PASSED, "main at 3f2c1ab09d4e: 3 checks, all of them green", ref="main")


def test_an_hour_has_a_budget_of_questions(gh: FakeGh, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all guards of the repository together."""
    monkeypatch.setattr(github, "BUDGET", 2)
    gh.says("pr_list", LISTED[:1])
    for minutes in (0, 3):
        asked_at(gh, shop, NOON + timedelta(minutes=minutes))
    at = NOON + timedelta(minutes=6)
    assert asked_at(gh, shop, at).evidence == "1 open pull request: #9 Mend the tests (as of 12:03)"
    words = "GitHub was asked 2 times in the last hour; asked again at 13:00 UTC"
    expect(gh.context(shop, at=at), "ci_green", Status.UNKNOWN, words, ref="main")
    assert asked_at(gh, shop, NOON + timedelta(minutes=40)).evidence == words
    assert len(gh.asked) == 2
    assert asked_at(gh, shop, NOON + timedelta(minutes=60)).evidence == "1 open pull request: #9 Mend the tests"


@pytest.mark.parametrize("text", ["{", "[]", '{"v": 2}', '{"v": 1, "answers": {"x": 1}, "asked": [], "parked_until": 0}', "\0" * 100])
def test_what_was_kept_and_cannot_be_read_is_begun_anew(gh: FakeGh, shop: Path, text: str) -> None:
    """GitHub knows it all."""
    gh.says("pr_list", [])
    context = gh.context(shop, at=NOON)
    (context.state / github.FILE).write_text(text)
    expect(context, "has_open_prs", Status.FAILED, "no pull request is open")
    assert json.loads((context.state / github.FILE).read_text())["v"] == 1


def test_where_nothing_can_be_kept_the_answer_counts_all_the_same(gh: FakeGh, shop: Path) -> None:
    """A full disk; a state folder that nobody made yet."""
    gh.says("pr_list", [])
    context = gh.context(shop, at=NOON)
    context.state.rmdir()
    expect(context, "has_open_prs", Status.FAILED, "no pull request is open")
    assert not context.state.exists()


def test_what_is_kept_is_for_the_user_alone(gh: FakeGh, shop: Path) -> None:
    """Titles of a private repository stand in it."""
    gh.says("pr_list", LISTED)
    asked_at(gh, shop, NOON)
    kept = shop / ".git/octojobs" / github.FILE
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in kept.parent.iterdir()] == [github.FILE]
