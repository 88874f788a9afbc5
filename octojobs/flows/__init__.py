"""Tasks as files: written, found, claimed and moved, by processes that know nothing of one another."""
