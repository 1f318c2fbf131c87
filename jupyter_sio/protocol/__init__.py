"""What is decided without a socket, loop, thread, clock or random number."""
