"""The agent's side of the processes: one zygote, and the interpreters that it forks."""
