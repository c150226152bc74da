"""What a cooperative tells everybody of itself."""
