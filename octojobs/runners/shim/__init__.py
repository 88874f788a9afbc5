"""The shim: one small process per run, from its gate to `exit.json`. It imports the standard library's smallest parts only."""
