"""The life of one attempt on this worker."""
