"""`python -m octojobs.embedded`: runs the jobs of a folder until it is told to stop."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from octojobs.embedded.config import CONFIG_FILE, SchedulerConfig
from octojobs.embedded.logs import log_to_stderr
from octojobs.embedded.scheduler import Scheduler
from octojobs.engine.zonedata import use_newest
from octojobs.errors import ExitCode, InvalidDefinitions, OctojobsError


def main(argv: Sequence[str] | None = None) -> int:
    """Run until TERM (0) or Ctrl-C (130); the exit codes are those of `octojobs`."""
    parser = argparse.ArgumentParser(prog="python -m octojobs.embedded", description="Run the jobs of a folder until told to stop.")
    shown = f"the configuration; else {CONFIG_FILE}, where it is there"
    parser.add_argument("--config", metavar="FILE", type=Path, help=shown)
    arguments = parser.parse_args(argv)
    use_newest()
    try:
        config = SchedulerConfig.from_file(arguments.config) if arguments.config else None
        with log_to_stderr(unless_logged=False), Scheduler(config) as scheduler:
            why = scheduler.run()
    except InvalidDefinitions as error:
        sys.stderr.write(f"{error}\noctojobs: nothing was started\n")
        return error.exit_code
    except OctojobsError as error:
        sys.stderr.write(f"octojobs: {error}\n")
        return error.exit_code
    return ExitCode.INTERRUPTED if why == "SIGINT" else ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
