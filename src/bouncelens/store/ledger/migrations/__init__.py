"""The ledger's migrations, oldest first in `versions/`; run when a ledger is opened."""
