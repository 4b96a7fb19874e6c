"""`python -m distilbert` is the command `distilbert`, where a launcher wants a module."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
