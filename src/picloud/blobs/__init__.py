"""Large parts of values: kept in files by content, read in place, fetched piece by piece."""
