"""Tests of coding agents: profiles, what their programs print, and runs of them."""
