"""What an agent and its interpreters say to each other."""
