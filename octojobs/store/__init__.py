"""What octojobs writes: the state and its journal, history, requests, locks."""
