"""Draws repeat themselves; what was learned is found again."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from reinvent.toolbox.pretraining import Draws, pretrain

TEXTS = [[letter] for letter in "abcdefghijk"]


@dataclass(frozen=True)
class Config:
    size: int = 3


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.config = Config()
        self.weight = nn.Parameter(torch.zeros(3))


def drawn(seed, step, batch_size=5):
    return Draws(TEXTS, list, batch_size, seed)(step)


def train(model, **changed):
    settings = {"seed": 0, "steps": 7, "batch_size": 5, "warmup": 2}
    return pretrain(
        model,
        lambda model, batch: (model.weight * batch.mean()).sum(),
        TEXTS,
        lambda texts: torch.tensor([ord(text[0]) - 103.0 for text in texts]),
        name="model",
        **{**settings, **changed},
    )


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REINVENT_CACHE", str(tmp_path))


def test_the_same_seed_and_step_draw_the_same():
    assert drawn(0, 3) == drawn(0, 3)
    assert drawn(0, 3) != drawn(0, 4)
    assert drawn(0, 3) != drawn(1, 3)


def test_nothing_is_drawn_twice_in_a_batch():
    for step in range(20):
        letters = [text[0] for text in drawn(0, step)]
        assert len(letters) == len(set(letters)) == 5


def test_few_items_make_a_smaller_batch():
    assert sorted(drawn(0, 0, batch_size=99)) == TEXTS


@pytest.mark.parametrize(("items", "size"), [([], 1), (TEXTS, 0)])
def test_there_must_be_something_to_draw(items, size):
    with pytest.raises(ValueError, match="at least 1 item"):
        Draws(items, list, size, 0)


def test_what_was_learned_is_found_again():
    first, second = Model(), Model()
    history = train(first)
    assert history.steps == 7
    assert train(second).losses == history.losses
    assert torch.equal(first.weight, second.weight)


@pytest.mark.parametrize(
    "changed",
    [{"seed": 1}, {"steps": 8}, {"batch_size": 2}, {"learning_rate": 1.0}],
)
def test_other_settings_are_another_training(changed):
    first, second = Model(), Model()
    train(first)
    train(second, **changed)
    assert not torch.equal(first.weight, second.weight)
