"""Messages that came and messages that are owed: kept, handled, sent, forgotten."""
