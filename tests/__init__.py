"""The tests: one folder per layer, one sentence per test."""
