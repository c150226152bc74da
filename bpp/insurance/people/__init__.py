"""People: who is enrolled, what each was told, agreed to and chose; and whether to deduct."""
