"""State as plain dicts with stable keys: one shape for the command line's JSON and for every interface that follows."""
