"""The agent's decisions, without any I/O."""
