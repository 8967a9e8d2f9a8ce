"""The process that runs attempts, and the zygote that it is forked from. Blocking, no asyncio."""
