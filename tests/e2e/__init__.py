"""Stories from one end to the other, with the installed programs."""
