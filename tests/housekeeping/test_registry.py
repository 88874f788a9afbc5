"""The shipped jobs by their names."""

from __future__ import annotations

import inspect

import pytest

from octojobs import housekeeping
from octojobs.runners.context import JobContext


@pytest.mark.parametrize("name", housekeeping.JOBS)
def test_a_shipped_job_is_a_function_of_a_context_and_keyword_arguments(name: str) -> None:
    """So that `args:` of a job can name each of them."""
    function = getattr(housekeeping, name)
    first, *others = inspect.signature(function, eval_str=True).parameters.values()
    assert (first.annotation, [one.kind for one in others]) == (JobContext, [inspect.Parameter.KEYWORD_ONLY] * len(others))
    assert (function.__doc__ or "").strip()


def test_a_job_that_is_not_shipped_is_refused_with_those_that_are() -> None:
    """As an attribute that is not there."""
    with pytest.raises(AttributeError) as refused:
        _ = housekeeping.sweep
    assert str(refused.value) == "octojobs.housekeeping has no job 'sweep'; it has " + ", ".join(housekeeping.JOBS)
