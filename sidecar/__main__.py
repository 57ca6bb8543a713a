# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `affekt`, also as `python -m affekt.sidecar`."""

from __future__ import annotations

from typing import NoReturn


def main() -> NoReturn:
    """Entry point of `affekt`."""
    try:
        from . import cli

        cli.main()
    except KeyboardInterrupt:  # before the command can end in order
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
