# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt doctor`: what is there, what is missing, and the line that mends it."""
