"""Decisions with grounds: pure functions of history, policy and the present moment."""
