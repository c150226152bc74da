"""What institutions themselves signed about who is covered: kept, told, and never said by us.

docs/statement.md
"""
