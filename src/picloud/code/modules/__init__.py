"""The user's own modules: which they are, what they need, and whether they have changed."""
