"""The life of one environment on this worker."""
