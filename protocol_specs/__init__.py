"""What the network agrees on: documents, bytes and the runtime that speaks them."""
