"""Coding agents: what they print, read by the rules of their profiles, which are data (`profiles/*.yaml`)."""
