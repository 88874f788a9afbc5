"""Jobs of other schedulers as new files of this repository: a module for each scheduler, and what they share."""
