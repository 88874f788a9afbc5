"""`doctor` tells what the settings ask for and no library is there to do."""

from __future__ import annotations

import pytest

from octojobs.actions.checkup import declared
from octojobs.core.definitions import Definitions, Settings
from octojobs.core.telemetry import MetricsSettings, TracesSettings

WATCHED = Definitions({}, Settings(metrics=MetricsSettings(port=1), traces=TracesSettings("http://127.0.0.1:1")))


def test_libraries_that_are_missing_are_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """One finding for each."""
    monkeypatch.setattr(declared, "find_spec", lambda _: None)
    assert [(one.subject, one.fix) for one in declared._measured(WATCHED)] == [
        ("metrics", "`pip install 'octojobs[metrics]'`"),
        ("traces", "`pip install 'octojobs[otel]'`"),
    ]


def test_nothing_is_said_where_they_are_there_or_not_needed() -> None:
    """Settings without them ask for nothing."""
    assert list(declared._measured(WATCHED)) == []
    assert list(declared._measured(Definitions({}))) == []
