"""Carrying out a run: what is started, the shim that starts it, and the receipts it leaves."""
