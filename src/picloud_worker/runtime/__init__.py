"""Carries out what the agent's core decides."""
