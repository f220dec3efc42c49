"""The ledger: what was decided and how far we got, in a small transactional database."""

from bouncelens.store.ledger.ledger import Ledger, Run, Saved

__all__ = ["Ledger", "Run", "Saved"]
