"""The worker's pass-book: what the books say of one worker, in words, with what is missing."""
