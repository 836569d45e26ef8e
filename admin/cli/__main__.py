"""`python -m admin.cli` is `mailloft`, where no console script is installed."""

from __future__ import annotations

from admin.cli import main

if __name__ == "__main__":
    main()
