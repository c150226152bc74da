"""The citizen's pages: search, compare, book, follow, share, complain; over the client API."""
