"""`python -m sfmc_sandbox`."""

import sys

from sfmc_sandbox.cli import main

if __name__ == "__main__":
    sys.exit(main())
