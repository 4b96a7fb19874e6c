"""What the command `distilbert` runs, and `python -m distilbert` where a launcher wants a module."""

from .interrupts import ending_at_once


def main() -> int:
    """The command line, from the first module that it reads."""
    with ending_at_once("stopped"):
        from .cli import main as run
    return run()


if __name__ == "__main__":
    raise SystemExit(main())
