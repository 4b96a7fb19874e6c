"""The command line: `distilbert COMMAND`. A command is a library function and a row in `main.COMMANDS`."""

from .main import main

__all__ = ["main"]
