# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m affekt.sidecar.worker`: only a server starts it."""

from .main import main, real_services

main(real_services)
