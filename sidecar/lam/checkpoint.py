# SPDX-License-Identifier: GPL-3.0-or-later
"""(loading)"""

import torch

from .network import LamNetwork


def lower_precision(network: LamNetwork) -> LamNetwork:
    for part in (network.encoder, network.transformer):
        part.to(torch.bfloat16)
    return network
