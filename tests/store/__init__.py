"""Tests of what octojobs writes: real files, real locks, real kills."""
