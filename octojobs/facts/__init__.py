"""What guards read about the repository and the machine, gathered once per tick and only as far as guards name it."""
