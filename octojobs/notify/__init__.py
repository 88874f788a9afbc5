"""What is told outside: messages, and the channels that take them."""
