"""The real programs, run by `octojobs run-now` with the shipped profiles, against a stand-in for the models: no key, no network, no cost.

`REAL_AGENTS` names a folder with `node_modules/.bin` in it (and `bin`, for those of Python); `.ci/agents` makes one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from octojobs.config.agents import shipped_profile
from tests.agents.standin import ANSWER, IN, OUT, Standin, standin
from tests.helpers import commit_files, home_of, make_repository, octojobs, write

FOLDER = Path(os.environ.get("REAL_AGENTS") or "/nonexistent")
PATH = f"{FOLDER / 'node_modules/.bin'}:{FOLDER / 'bin'}:{os.environ.get('PATH', '/usr/bin:/bin')}"
KEY = "sk-dummy-0000"
QUESTION = "Which pull requests are stale?"

pytestmark = [pytest.mark.real_agents, pytest.mark.timeout(300)]


@pytest.fixture
def server() -> Iterator[Standin]:
    """The models."""
    with standin() as made:
        yield made


def claude(url: str, home: Path) -> dict[str, str]:
    """Its configuration is its environment."""
    return {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": KEY, "CLAUDE_CONFIG_DIR": str(home / "claude")}


def codex(url: str, home: Path) -> dict[str, str]:
    """A provider of its own, which is asked once and not again."""
    config = f"""
model = "stand-in"
model_provider = "standin"
[model_providers.standin]
name = "standin"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "OPENAI_API_KEY"
request_max_retries = 0
stream_max_retries = 0
"""
    write(home / "codex/config.toml", config)
    return {"CODEX_HOME": str(home / "codex"), "OPENAI_API_KEY": KEY}


def gemini(url: str, home: Path) -> dict[str, str]:
    """It has to be told that a key is how it logs in."""
    settings = {"security": {"auth": {"selectedType": "gemini-api-key"}}, "privacy": {"usageStatisticsEnabled": False}}
    write(home / ".gemini/settings.json", json.dumps(settings))
    return {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": url}


def opencode(url: str, home: Path) -> dict[str, str]:
    """A provider that speaks as OpenAI's chats do."""
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "standin",
        "options": {"baseURL": f"{url}/v1", "apiKey": KEY},
        "models": {"stand-in": {"name": "stand-in", "limit": {"context": 100_000, "output": 1_000}}},
    }
    config = {"$schema": "https://opencode.ai/config.json", "provider": {"standin": provider}, "autoupdate": False, "share": "disabled"}
    write(home / "opencode.json", json.dumps({**config, "model": "standin/stand-in", "small_model": "standin/stand-in"}))
    return {"OPENCODE_CONFIG": str(home / "opencode.json"), "OPENAI_API_KEY": KEY}


def gptme(url: str, _home: Path) -> dict[str, str]:
    """Its provider `local` speaks as OpenAI's chats do."""
    return {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": KEY}


def copilot(url: str, home: Path) -> dict[str, str]:
    """A provider of one's own, without GitHub."""
    provider = {"BASE_URL": f"{url}/v1", "TYPE": "openai", "API_KEY": KEY}
    own = {f"COPILOT_PROVIDER_{name}": value for name, value in provider.items()}
    return {**own, "COPILOT_OFFLINE": "true", "COPILOT_MODEL": "stand-in", "COPILOT_HOME": str(home / "copilot")}


def aider(url: str, _home: Path) -> dict[str, str]:
    """Its models are LiteLLM's."""
    return {"OPENAI_API_BASE": f"{url}/v1", "OPENAI_API_KEY": KEY}


PROGRAMS: dict[str, Callable[[str, Path], dict[str, str]]] = {
    "claude": claude,
    "codex": codex,
    "gemini": gemini,
    "opencode": opencode,
    "gptme": gptme,
    "copilot": copilot,
    "aider": aider,
}
MODELS = {"gptme": "local/stand-in", "aider": "openai/stand-in"}
"""The others are told by their configuration."""
UNTOLD = ("copilot", "aider")
"""What they have used they don't tell, or in prose alone."""


def there(name: str) -> None:
    """Skip where the program is not."""
    if not os.environ.get("REAL_AGENTS"):
        pytest.skip("REAL_AGENTS names no folder with the real programs; .ci/agents makes one")
    if shutil.which(name, path=PATH) is None:
        pytest.skip(f"{name} is not in {FOLDER}")


def ran(tmp_path: Path, name: str, server: Standin, **fields: Any) -> dict[str, Any]:
    """A run of a job that asks this agent, in a repository of its own, as `runs --json` tells of it."""
    there(name)
    repo = make_repository(tmp_path, {"README.md": "one\n"})
    return run_in(repo, name, server, **fields)


def run_in(repo: Path, name: str, server: Standin, **fields: Any) -> dict[str, Any]:
    """The same in this repository."""
    env = PROGRAMS[name](server.url, home_of(repo))
    job = {"manual": True, "agent": name, "prompt": QUESTION, "pass_env": sorted(env), "kill_grace": "2s", **fields}
    if name in MODELS:
        job["model"] = MODELS[name]
    commit_files(repo, {".octopoid/jobs.yaml": json.dumps({"jobs": {"ask": job}})})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    said = octojobs(repo, "run-now", "ask", timeout=280, PATH=PATH, **env)
    run = json.loads(octojobs(repo, "runs", "ask", "--json").stdout)["runs"][0]
    print(said.stdout, said.stderr, server.asked)  # noqa: T201 -- what pytest shows of a failure: the program's own words
    found: dict[str, Any] = run
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_real_program_answers(tmp_path: Path, name: str, server: Standin) -> None:
    """Its answer is the result, with the session and, where the program tells them, the tokens; the prompt has reached the model."""
    run = ran(tmp_path, name, server)
    result = run["result"]
    assert (run["outcome"], result["status"]) == ("succeeded", "ok")
    profile = shipped_profile(name)
    assert result["text"] == ANSWER if profile.output != "text" else ANSWER in result["text"]
    assert bool(result["session"]) is bool(profile.session)
    assert name in UNTOLD or (result["input_tokens"], result["output_tokens"]) >= (IN, OUT)
    assert any(QUESTION in prompt for prompt in server.prompts)


@pytest.mark.parametrize("name", [name for name in PROGRAMS if shipped_profile(name).resume])
def test_a_real_program_goes_on_with_its_session(tmp_path: Path, name: str, server: Standin) -> None:
    """The model of the second run is told what the first one was asked, and tokens are those of one run."""
    there(name)
    repo = make_repository(tmp_path, {"README.md": "one\n"})
    first = run_in(repo, name, server, resume=True)
    server.prompts.clear()
    second = run_in(repo, name, server, resume=True, prompt="And who wrote them?")
    assert [run["outcome"] for run in (first, second)] == ["succeeded", "succeeded"]
    assert first["result"]["session"] == second["result"]["session"]
    assert first["result"]["input_tokens"] == second["result"]["input_tokens"]
    assert any(QUESTION in prompt and "And who wrote them?" in prompt for prompt in server.prompts)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_real_program_with_a_wrong_key_fails(tmp_path: Path, name: str, server: Standin) -> None:
    """Whatever its exit code is."""
    server.mode = "unauthorized"
    run = ran(tmp_path, name, server, idle_timeout="60s")
    assert (run["outcome"], run["result"]["status"]) == ("failed", "failed")
    assert run["result"]["error"]


@pytest.mark.parametrize("name", ["claude", "codex", "copilot", "aider"])
def test_a_real_program_that_meets_a_limit_says_so(tmp_path: Path, name: str, server: Standin) -> None:
    """Those that don't wait it out in silence."""
    server.mode = "rate-limit"
    run = ran(tmp_path, name, server, idle_timeout="120s")
    assert (run["phase"], run["attempts"][0]["exit_code"]) == ("retrying", 75)


@pytest.mark.parametrize("name", ["gemini", "opencode", "gptme"])
def test_a_real_program_that_waits_a_limit_out_is_ended(tmp_path: Path, name: str, server: Standin) -> None:
    """By the idle limit, deaf to the signal or not; nobody calls it a success."""
    server.mode = "rate-limit"
    run = ran(tmp_path, name, server, idle_timeout="10s")
    assert run["outcome"] in {"timed_out", "failed"}
    assert run["result"] is None or run["result"]["status"] in {"rate_limited", "failed"}
