"""What the master decides, without any I/O: the same events give the same turns."""
