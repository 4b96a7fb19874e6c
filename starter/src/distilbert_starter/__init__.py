"""Model folders, opened by their names: `distilbert.load("starter/embed")`. There is no code here."""
