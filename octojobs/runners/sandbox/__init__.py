"""Runs that are kept apart: in a worktree of their own, or in a sandbox or a container around one."""
