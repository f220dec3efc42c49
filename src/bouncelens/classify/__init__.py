"""A template into a verdict: rules are data in `rules/`, the first that matches wins."""
