"""One file for each promise of runs.md, named after it."""
