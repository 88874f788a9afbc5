"""The story of a crash, told for real, and what this machine keeps of the promises."""
