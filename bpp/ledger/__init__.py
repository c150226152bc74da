"""The double-entry ledger: append-only, sealed, verifiable."""
