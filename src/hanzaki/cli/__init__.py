"""The command line: ``hanzaki COMMAND``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; an expected error is one plain message, without a traceback."""
    from hanzaki.cli.app import Stopped, app
    from hanzaki.errors import HanzakiError

    try:
        app()
    except HanzakiError as error:
        print(f"hanzaki: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    except (KeyboardInterrupt, Stopped):
        print("hanzaki: stopped; what was done is kept, and the same command goes on", file=sys.stderr)  # noqa: T201
        sys.exit(130)
