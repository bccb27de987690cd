"""Batches, steps and means."""

import torch


def mean_of_means() -> list[str]:
    losses = torch.tensor([4.0, 2.0]), torch.tensor([1.0, 1.0, 1.0, 1.0])
    of_means = torch.stack([batch.mean() for batch in losses]).mean()
    count = sum(len(batch) for batch in losses)
    mean = torch.cat(losses).mean()
    assert abs(of_means - mean) > 0.1
    parts = [batch.sum() / count for batch in losses]
    torch.testing.assert_close(sum(parts), mean)
    return ["a mean of means is not the mean", "Divide the *sum*"]
