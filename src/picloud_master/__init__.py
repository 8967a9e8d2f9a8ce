"""The master: the one process that decides which job runs where."""
