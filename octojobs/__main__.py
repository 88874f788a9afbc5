"""`python -m octojobs`: the command line."""

import sys

from octojobs.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
