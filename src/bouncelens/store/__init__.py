"""The lake holds facts, the ledger holds decisions, the engine answers questions over the lake."""
