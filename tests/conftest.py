"""What holds for every test: a home of its own, git without anybody's configuration, and the installed octojobs when asked for."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import octojobs
from tests.helpers import environment

# The properties of the core are worth 500 examples where nobody waits for them; 50 find most slips while writing code.
# Machines differ in speed, and no test is timed: there is no deadline for an example.
settings.register_profile("ci", max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("dev", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


def pytest_configure() -> None:
    """Ctrl-C works in tests, and with OCTOJOBS_EXPECT_INSTALLED set (as .ci/run does) the source is not tested in place of the wheel."""
    # A shell starts what is put behind `&` with SIGINT ignored, children inherit that, and tests send it to them.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    where = Path(octojobs.__file__)
    if os.environ.get("OCTOJOBS_EXPECT_INSTALLED") and "site-packages" not in where.parts:
        raise pytest.UsageError(f"the tests were to run against the installed wheel, but octojobs is {where}")


@pytest.fixture(scope="session", autouse=True)
def own_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the home, state or git configuration of the person who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("GIT_", "OCTOJOBS_", "XDG_"))]:
            patch.delenv(name)
        for name, value in environment(tmp_path_factory.mktemp("home")).items():
            patch.setenv(name, value)
        yield


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """What a test does to octojobs' logger (the command line, called in this process, takes it over) is undone after it."""
    logger = logging.getLogger("octojobs")
    level, propagate, handlers = logger.level, logger.propagate, list(logger.handlers)
    yield
    logger.setLevel(level)
    logger.propagate = propagate
    logger.handlers[:] = handlers
