# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m affekt.sidecar.batch`: a worker of a pool, which only a batch starts."""

from .worker import main

main()
