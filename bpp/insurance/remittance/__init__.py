"""What becomes of contributions that are due: closed periods, declarations, remittances.

`periods` says in which period a fact is declared, `declaring` what a worker's line comes to,
`closing` closes a period in chunks, `states` sends, acknowledges and rejects a remittance, `excess`
is what is held beyond a plan, `deadlines` says what is due when, `reading` tells all of it.
docs/remittance.md
"""
