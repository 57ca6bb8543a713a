# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt doctor`: checks the machine and says what is missing and which command repairs it."""
