"""Definitions from and for what people have already: crontabs, tasks-loop folders, systemd timers, launchd agents."""
