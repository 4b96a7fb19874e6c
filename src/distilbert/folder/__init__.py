"""What a model folder is: its files' names, its weights, its sentence-transformers part, and where it comes from."""
