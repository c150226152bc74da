"""What the cooperative divides among those who did the work: who gets which part, and its entries.

docs/money.md tells the rule. It is the cooperative's own money: no scheme counts it as earnings.
"""
