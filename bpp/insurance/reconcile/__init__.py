"""One thing held against another: orders, contributions, remittances, answers, fares, the bank.

Nothing is posted or mended here; what is open is named. docs/reconcile.md
"""
