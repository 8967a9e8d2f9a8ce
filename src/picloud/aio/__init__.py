"""Asyncio building blocks that client, master and worker share."""
