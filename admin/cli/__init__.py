"""`mailloft`: the command line, over the same acts as the API. Modules of a command are imported when it runs."""

from __future__ import annotations

import sys


def main() -> None:
    """The console script. What is refused is one line on stderr and status 1; a wrong option is status 2."""
    from admin.cli.commands import app
    from admin.keepsakes import KeepsakeError
    from admin.refusals import RefusedError
    from store.settings_file import SettingsError

    try:
        app()
    except (RefusedError, KeepsakeError, SettingsError) as error:
        print(f"mailloft: {error}", file=sys.stderr)
        sys.exit(1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        if error.filename is None:  # no file that somebody named
            raise
        print(f"mailloft: {error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # `mailloft ... | head` has seen enough
        sys.stderr.close()
        sys.exit(0)
