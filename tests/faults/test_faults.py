"""The short version of every part of the fault tests: nothing that was done breaks a promise."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.faults.parts import PARTS
from tests.faults.tally import CannotDo, Scale, Step

SCALE = Scale()
STEPS = [pytest.param(step, id=f"{part}-{step.name.replace(' ', '-')}") for part, steps in PARTS.items() for step in steps(SCALE)]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is done here is done with Linux's means")


@pytest.mark.parametrize("step", STEPS)
def test_the_promises_hold_after_it(tmp_path: Path, step: Step) -> None:
    """What a step found wrong, each with the way back to it; `python -m tests.faults --long` does more of the same."""
    try:
        tally = step.run(SCALE, tmp_path)
    except CannotDo as reason:
        pytest.skip(str(reason))
    assert tally.done
    assert tally.violations == []
