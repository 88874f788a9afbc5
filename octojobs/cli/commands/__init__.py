"""The verbs, one a file; `cli/verbs.py` lists them."""
