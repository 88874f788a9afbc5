"""The shim: one small process per run, from its gate to `exit.json`, made of the standard library's smallest parts."""
