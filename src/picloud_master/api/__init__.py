"""The master's face: sessions of clients and workers, and the server that they connect to."""
