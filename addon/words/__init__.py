# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said to an animator beside the panels: tooltips, other languages, the manual."""
