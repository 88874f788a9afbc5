"""What is said of the daemon and its runs to machines: structured lines, metrics, spans; none of it decides anything."""
