"""FCN: scores of three levels, added."""

from __future__ import annotations

import torch

from streamseg.networks.fcn import FCN


def test_the_scores_of_three_levels_are_added() -> None:
    decoder = FCN((2, 2, 2, 2), width=2).eval()
    for score in decoder.scores:
        torch.nn.init.dirac_(next(score.parameters()))
    levels = [torch.full((1, 2, 16 >> k, 16 >> k), 10.0**k) for k in range(4)]
    expected = torch.full((1, 2, 16, 16), 1110.0)  # the finest level's 1 has no part in it
    torch.testing.assert_close(decoder(levels), expected, rtol=1e-3, atol=0)


def test_it_is_linear() -> None:
    decoder = FCN((2, 3, 4, 5), width=6).eval()
    a, b = ([torch.randn(1, 2 + k, 8 >> k, 8 >> k) for k in range(4)] for _ in range(2))
    both = [x + y for x, y in zip(a, b, strict=True)]
    torch.testing.assert_close(decoder(both), decoder(a) + decoder(b), rtol=1e-4, atol=1e-5)
