"""Tests of what is declared: reading, checking, watching, trusting and editing it."""
