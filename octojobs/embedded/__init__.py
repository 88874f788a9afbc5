"""The Python API: a scheduler inside a program, on the same engine, store and launcher as `octojobs up`."""
