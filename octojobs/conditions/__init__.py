"""The guards that are built in, one a file, and how they are judged."""
