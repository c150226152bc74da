"""Under the store: SQLite or PostgreSQL, statements, tables as they are declared, copies."""
