"""Measurements: accuracy on labelled replies, speed beside yardsticks."""
