# SPDX-License-Identifier: GPL-3.0-or-later
"""The network as it is trained; `test_inference.py` asks what it computes afterwards."""

import torch
from affekt.sidecar.modulation.network import Attention, NetworkConfig


def test_a_level_that_all_scores_share_leaves_the_slopes_in_half_precision():
    # Softmax does not see the level; bfloat16 rounded all scores to steps of it, and the slopes
    # then agreed by a cosine of -0.2. Whole trainings were lost.
    torch.manual_seed(0)
    attention = Attention(NetworkConfig(width=64, heads=4), sink=False)
    with torch.no_grad():
        attention.query.bias.fill_(30)
        attention.key.weight.add_(0.2)
    tokens, wanted = torch.randn(2, 4, 64, 64)
    tokens += 0.5
    slopes: list[torch.Tensor] = []
    for half in (True, False):
        attention.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            seen = attention(tokens, tokens)
        (seen.float() - wanted).abs().mean().backward()
        assert attention.query.weight.grad is not None
        slopes.append(attention.query.weight.grad.flatten().clone())
    assert torch.cosine_similarity(slopes[0], slopes[1], 0) > 0.9
