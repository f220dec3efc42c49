"""A process that adds bounces page by page and says so: to be raced against, or killed.

Usage: bounce_writer.py LAKE START STOP PAGE
"""

from __future__ import annotations

import sys

from lake_rows import numbered

from bouncelens.store.lake import Lake


def main() -> None:
    """Add the numbered bounces from START to STOP, PAGE at a time."""
    place, start, stop, page = sys.argv[1], *map(int, sys.argv[2:5])
    with Lake.open(place) as lake:
        inserted = 0
        for first in range(start, stop, page):
            sys.stdout.write(f"adding {first}\n")
            sys.stdout.flush()
            inserted += lake.add_bounces(numbered(first, min(first + page, stop))).inserted
        sys.stdout.write(f"inserted {inserted}\n")


if __name__ == "__main__":
    main()
