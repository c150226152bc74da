"""The node's database on a PostgreSQL server; imported only where the settings name one."""
