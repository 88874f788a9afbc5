"""A changed value is what `dataclasses.replace` makes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime

import pytest

from octojobs.core.change import changed
from octojobs.core.ledger import JobState

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
NIGHTLY = JobState(NOW, NOW, failures=2)


def test_a_changed_value_is_a_new_one_with_those_fields() -> None:
    """Equal to what replace makes, and frozen; the old one is as it was."""
    later = datetime(2027, 1, 1, tzinfo=UTC)
    made = changed(NIGHTLY, failures=0, last_end=later)
    assert made == replace(NIGHTLY, failures=0, last_end=later)
    assert NIGHTLY.failures == 2
    with pytest.raises(FrozenInstanceError):
        made.failures = 1  # type: ignore[misc]  # what must not be possible


def test_a_field_that_there_is_not_is_refused() -> None:
    """A slip of the pen is no silent loss."""
    with pytest.raises(ValueError, match="longer"):
        changed(NIGHTLY, failure=0)
