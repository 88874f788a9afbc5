"""The pure core: values in, values out; no clock, no I/O, no threads, no git, no logging, no randomness."""
