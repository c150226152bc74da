"""What becomes of contributions that are due: closed periods, declarations, remittances.

`gate` says in which period a fact is declared, `closing` closes a period in chunks, `states` sends,
acknowledges and rejects a remittance, `due` says what is due when, `reading` tells all of it.
docs/remittance.md
"""
