"""The loss of a translator, as a loop over its words."""

import pytest
import torch

from reinvent.toolbox.losses import translation_loss
from reinvent.toolbox.translation import Batch

B, T, S, V = 2, 5, 3, 7


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_mean_over_words_that_are_not_padding(smoothing):
    torch.manual_seed(0)
    logits = torch.randn(B, T, V)
    target_out = torch.tensor([[3, 4, 2, 0, 0], [5, 6, 3, 4, 2]])
    batch = Batch(torch.ones(B, S), torch.full((B, T), 1), target_out)
    asked = []

    def model(source, target):
        asked.append((source, target))
        return logits

    total = count = 0
    for b in range(B):
        for t in range(T):
            if word := int(target_out[b, t]):
                logs = logits[b, t].log_softmax(dim=0)
                shares = torch.full((V,), smoothing / V)
                shares[word] += 1 - smoothing
                total -= float(shares @ logs)
                count += 1
    loss = translation_loss(model, batch, label_smoothing=smoothing).item()
    assert loss == pytest.approx(total / count)
    ((source, target),) = asked
    assert source is batch.source and target is batch.target_in
