"""Cron for a repository, and for the agents that work in it."""

__version__ = "0.1.0"
