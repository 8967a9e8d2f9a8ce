"""The life of one worker, as the master sees it."""
