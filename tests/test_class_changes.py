"""What changed between two classes is read from them, name by name."""

import sys
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path

import lxml.html
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from reinvent import PAPERS
from reinvent.toolbox.class_changes import (
    Change,
    Pair,
    build,
    changes,
    methods,
    parts,
    read_pairs,
    settings,
)

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class Config:
    words: int
    width: int = 1000
    rule: str = "dot"


class Layer(nn.Module):
    def __init__(self, width: int, scaled: bool = False) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)


class Old(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embedding = nn.Embedding(config.words, config.width)
        self.reader = nn.LSTM(config.width, config.width)
        self.layers = nn.ModuleList(Layer(config.width) for _ in range(3))

    def read(self, tokens: Tensor) -> Tensor:
        return tokens

    def forward(self, tokens: Tensor) -> Tensor:
        return self.read(tokens)

    def _private(self) -> None:
        return None


@dataclass(frozen=True, kw_only=True)
class NewConfig(Config):
    width: int = 700
    heads: int = 8


class New(Old):
    config: NewConfig

    def __init__(self, config: NewConfig) -> None:
        super().__init__(replace(config, words=5))
        self.reader = nn.GRU(config.width, config.width)
        self.side = Layer(config.heads)
        del self.layers

    def read(self, tokens: Tensor) -> Tensor:
        return tokens + 1

    @cached_property
    def size(self) -> int:
        return 3


class Around(nn.Module):
    def __init__(self, inside: Old, share: float, deep: bool = True) -> None:
        super().__init__()
        self.inside = inside
        self.nothing = nn.Identity()
        self.straight = weight_norm(nn.Linear(2, 3))
        self.all = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
        self.none = nn.ModuleList()


class Inheriting(Old):
    config: NewConfig


def test_parts_settings_and_methods_come_go_change_and_stay():
    assert changes(Old, New) == {
        "parts": [
            Change("kept", "embedding", "Embedding", "Embedding"),
            Change("changed", "reader", "LSTM", "GRU"),
            Change("new", "side", "", "Layer"),
            Change("gone", "layers", "n × Layer", ""),
        ],
        "settings": [
            Change("kept", "words", "", ""),
            Change("changed", "width", "1,000", "700"),
            Change("kept", "rule", "'dot'", "'dot'"),
            Change("new", "heads", "", "8"),
        ],
        "methods": [
            Change("changed", "read", "(tokens)", "(tokens)"),
            Change("kept", "forward", "(tokens)", "(tokens)"),
            Change("new", "size", "", ""),
        ],
    }


def test_a_class_has_not_changed_from_itself():
    for found in changes(Old, Old).values():
        assert {one.how for one in found} == {"kept"}


def test_parts_go_two_deep_and_a_list_is_its_kind():
    assert parts(build(Around)) == {
        "inside": "Old",
        "inside.embedding": "Embedding",
        "inside.reader": "LSTM",
        "inside.layers": "n × Layer",
        "straight": "Linear",
        "all": "n × Linear or Tanh",
    }
    assert list(parts(build(Old), depth=1)) == [
        "embedding",
        "reader",
        "layers",
    ]
    assert parts(build(Old))["layers.linear"] == "Linear"


def test_a_built_module_takes_no_memory():
    model = build(Around)
    assert {one.device.type for one in model.parameters()} == {"meta"}
    assert model.inside.embedding.weight.shape == (1, 1000)


def test_settings_are_parameters_and_fields_but_not_modules():
    assert settings(Around) == {"share": "", "deep": "True"}
    assert settings(Layer) == {"width": "", "scaled": "False"}


def test_a_class_that_inherits_its_init_has_the_configuration_it_names():
    assert settings(Inheriting) == settings(New)


def test_long_defaults_and_functions_are_said_in_short():
    @dataclass
    class Named:
        split: object = len
        many: tuple[int, ...] = tuple(range(100))

    assert settings(Named) == {"split": "len", "many": "..."}


def test_methods_are_public_and_of_the_package():
    assert methods(New) == {
        "read": "(tokens)",
        "forward": "(tokens)",
        "size": "",
    }


def test_what_cannot_be_built_is_named():
    class Needs(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()

    with pytest.raises(ValueError, match="'str'.* expected a number"):
        build(Needs)


def test_pairs_are_read_with_their_ideas():
    lines = ["a.A -> b.B: It looks", "  back.", "", "b.B -> c.C:", " Twice."]
    assert read_pairs(lines) == [
        Pair("a.A", "b.B", "It looks back."),
        Pair("b.B", "c.C", "Twice."),
    ]


@pytest.mark.parametrize("line", ["a.A -> b.B", "a.A, b.B: Yes.", "  a.A"])
def test_a_line_that_is_no_pair_is_shown(line):
    with pytest.raises(ValueError, match=rf"{line.strip()}'?, expected"):
        read_pairs([line])


@pytest.fixture
def directive():
    sys.path.insert(0, str(ROOT / "book" / "_ext"))
    return import_module("what_changed")


@pytest.fixture
def pairs() -> list[Pair]:
    """The pairs that the page of the book compares."""
    text = (ROOT / "book" / "lineage.md").read_text(encoding="utf-8")
    body = text.split("```{what-changed}\n")[1].split("```")[0]
    return read_pairs(body.splitlines())


def test_the_pairs_of_the_book_point_forward_and_leave_out_no_paper(pairs):
    order = list(PAPERS)
    told = set()
    for pair in pairs:
        old, new = (one.split(".")[0] for one in (pair.old, pair.new))
        assert order.index(old) <= order.index(new)
        told |= {old, new}
    assert order[0] == "word2vec"  # the first of all, and no network's parent
    assert told == set(order[1:])


def test_every_pair_of_the_book_differs_and_says_how(pairs, directive):
    for pair in pairs:
        details = lxml.html.fromstring(directive.details(pair))
        assert details.xpath("string(summary)").endswith(".")
        heads = details.xpath("//th[@scope='row']/text()")
        assert {"new", "changed", "gone"} & set(heads)
        assert all(details.xpath("//td[not(*)]/text()")) is True


def test_the_table_says_what_was_inherited_and_replaced(directive):
    pair = Pair("bert.BERT", "roberta.RoBERTa", "The same.")
    text = lxml.html.fromstring(directive.details(pair)).text_content()
    assert "num_segments: 2 → 1" in text
    assert "embed: written anew" in text
    assert "new: 1 setting" in text.lower()


def test_models_are_looked_at_without_drawing_a_number(pairs, directive):
    before = torch.random.get_rng_state()
    directive.details(pairs[0])
    assert torch.equal(before, torch.random.get_rng_state())
