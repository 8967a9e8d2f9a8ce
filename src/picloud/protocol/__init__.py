"""What travels between clients, master and workers: ids, specs, statuses, messages, links."""
