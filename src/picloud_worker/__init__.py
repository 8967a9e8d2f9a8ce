"""The worker: an agent that runs jobs in warm interpreters on one node."""
