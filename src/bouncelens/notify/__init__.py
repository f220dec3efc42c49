"""Carries messages to people; what they say is decided elsewhere."""
