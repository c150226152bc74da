"""What others ask of the books: figures for the union and the public, and a key for an auditor.

docs/questions.md
"""
