"""The command line: one verb a file, and what the verbs share."""
