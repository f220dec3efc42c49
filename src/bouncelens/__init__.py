"""bouncelens: every bounce out of Marketing Cloud, judged, explained and decided on."""

__version__ = "0.1.0"
