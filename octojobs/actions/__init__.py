"""What can be done with a repository's jobs: one function for each use case, whoever asks."""
