# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m affekt.sidecar` is the command `affekt`."""

from .cli import main

main()
