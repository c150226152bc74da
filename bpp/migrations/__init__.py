"""Revisions of the provider's schema, and which of its tables an auditor of the books reads."""

BOOKS = (
    "account",
    "block",
    "closed_period",
    "contribution",
    "declared_part",
    "entry",
    "leaf_salt",
    "remittance",
    "remittance_event",
    "remittance_line",
    "sealed_leaf",
    "slip",
    "transfer",
    "unsealed",
)
