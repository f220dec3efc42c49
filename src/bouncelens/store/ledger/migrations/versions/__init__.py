"""One file per migration: number, then what it does."""
