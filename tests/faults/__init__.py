"""What must hold whatever befalls octojobs, and the means to befall it."""
