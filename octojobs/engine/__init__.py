"""The only loops and the only clock: reads what changed, decides, records, starts."""
