# SPDX-License-Identifier: GPL-3.0-or-later
"""The laboratory: training data, training, evaluation, and the maker of the open head.

Nothing outside imports it; its commands are named in the table of `sidecar.cli`.
"""
