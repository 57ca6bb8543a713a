# SPDX-License-Identifier: GPL-3.0-or-later
from fakes.threads import one_thread

__all__ = ["one_thread"]
