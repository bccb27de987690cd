"""Multi30k: which translators are trained, and how."""

import inspect
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from multi30k_files import Texts, digest_of
from torch import nn

from reinvent import (
    bahdanau,
    conv_encoder,
    convs2s,
    gnmt,
    luong,
    seq2seq,
    transformer,
)
from reinvent.toolbox.beam import BeamSearch

MAX_LENGTH = 100  # of a translation in pieces; the longest reference has 57
MAX_POSITIONS = 128  # the longest sentence has 64 pieces, and </s>


@dataclass(frozen=True)
class Recipe:
    """A translator, its sizes and how it is trained.

    Attributes:
        model: Its class.
        config: Its sizes; those of the vocabularies are filled in.
        learning_rate: The highest, reached after the warm-up.
        warmup: Steps until then.
        label_smoothing: As in `translation_loss`; not in the validation.
    """

    model: type[nn.Module]
    config: object
    learning_rate: float = 1e-3
    warmup: int = 200
    label_smoothing: float = 0.0


TRANSLATORS = {
    "seq2seq": Recipe(
        seq2seq.EncoderDecoder,
        seq2seq.Seq2SeqConfig(
            embedding_size=256, hidden_size=256, num_layers=2
        ),
    ),
    "bahdanau": Recipe(
        bahdanau.RNNsearch,
        bahdanau.RNNsearchConfig(
            embedding_size=256,
            hidden_size=256,
            alignment_size=256,
            maxout_size=256,
        ),
    ),
    "luong": Recipe(
        luong.LuongTranslator,
        luong.LuongConfig(
            embedding_size=256,
            hidden_size=256,
            num_layers=2,
            window="global",
            input_feeding=False,
        ),
    ),
    "gnmt": Recipe(
        gnmt.GNMT,
        gnmt.GNMTConfig(
            embedding_size=256,
            hidden_size=256,
            alignment_size=256,
            encoder_layers=3,
            decoder_layers=3,
        ),
    ),
    "conv_encoder": Recipe(
        conv_encoder.ConvEncoderTranslator,
        conv_encoder.ConvEncoderConfig(
            embedding_size=256,
            hidden_size=256,
            key_size=256,
            max_positions=MAX_POSITIONS,
            key_layers=6,
            value_layers=3,
            dropout=0.2,
            word_range=conv_encoder.TINY.word_range,
            place_range=conv_encoder.TINY.place_range,
            scaled=True,
        ),
    ),
    "convs2s": Recipe(
        convs2s.ConvS2S,
        convs2s.ConvS2SConfig(
            embedding_size=256,
            hidden_size=256,
            encoder_layers=4,
            decoder_layers=4,
            max_positions=MAX_POSITIONS,
            dropout=0.2,
        ),
    ),
    "transformer": Recipe(
        transformer.Transformer,
        transformer.TransformerConfig(
            hidden_size=256,
            num_layers=3,
            num_heads=8,
            feed_forward_size=512,
            norm="pre",
        ),
        label_smoothing=0.1,
    ),
}
"""Name to recipe. The tutorials have word vectors of 256, states of 512, and
train for ten epochs; with states of 256 an hour of one CPU core is enough for
as many. Where a paper has dropout it is 0.2, as in GNMT's: the data are few.
"""

REPORTED = {
    ("bahdanau", "de", "en"): 28.3,
    ("convs2s", "de", "en"): 34.1,
    ("transformer", "de", "en"): 36.5,
}
"""BLEU in the tutorials, pytorch-seq2seq by Ben Trevett, on the same test set.
Theirs is of lower-case words, cut by spaCy: not quite the same measure."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is trained, and how it is tested.

    Attributes:
        translator: One of `TRANSLATORS`.
        source: Language to translate from.
        target: Language to translate to.
        pieces: Wordpieces to learn for both languages together.
        batch_size: Pairs in a batch.
        steps: Of the training.
        seed: Gives the first weights and the order.
        beam: Width of a beam search beside greedy decoding; 0 for none.
        alpha: Its length normalisation.
    """

    translator: str
    source: str
    target: str
    pieces: int
    batch_size: int
    steps: int
    seed: int
    beam: int
    alpha: float

    def __post_init__(self) -> None:
        """Stops at what cannot be trained or tested."""
        if self.translator not in TRANSLATORS:
            raise ValueError(
                f"no translator {self.translator!r}, expected one of "
                f"{', '.join(TRANSLATORS)}"
            )
        if self.source == self.target:
            raise ValueError(
                f"from {self.source} to {self.target}: expected two languages"
            )
        for name in ("batch_size", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name)}, expected at least 1"
                )
        if self.beam:
            self.search()

    @property
    def recipe(self) -> Recipe:
        """The sizes of the translator, and how it is trained."""
        return TRANSLATORS[self.translator]

    def search(self) -> BeamSearch:
        """The beam search."""
        return BeamSearch(width=self.beam, alpha=self.alpha)

    def model(self, vocab_size: int) -> nn.Module:
        """A new translator, the same for the same seed."""
        torch.manual_seed(self.seed)
        config = replace(
            self.recipe.config,
            source_vocab_size=vocab_size,
            target_vocab_size=vocab_size,
        )
        return self.recipe.model(config)

    def file_name(self, texts: Texts) -> str:
        """Another one if settings, texts or the translator's code differ."""
        code = Path(inspect.getfile(self.recipe.model)).read_text("utf-8")
        trained = replace(self, beam=0, alpha=0.0)
        digest = digest_of(trained, self.recipe, code, texts)
        return f"{self.translator}-{self.source}-{self.target}-{digest}"

    def command(self) -> str:
        """What to type to get the same."""
        words = ["python", "experiments/multi30k.py"]
        words += ["--translator", self.translator]
        words += ["--from", self.source, "--to", self.target]
        words += ["--pieces", self.pieces, "--batch-size", self.batch_size]
        words += ["--steps", self.steps, "--seed", self.seed]
        if self.beam:
            words += ["--beam", self.beam, "--alpha", self.alpha]
        return shlex.join(map(str, words))

    def row(self) -> dict:
        """Cells of the table that are known before the training."""
        direction = self.translator, self.source, self.target
        return {
            "translator": self.translator,
            "from": self.source,
            "to": self.target,
            "pieces": self.pieces,
            "batch size": self.batch_size,
            "learning rate": self.recipe.learning_rate,
            "steps": self.steps,
            "seed": self.seed,
            "beam": f"{self.beam}, alpha {self.alpha}" if self.beam else "",
            "tutorials": REPORTED.get(direction, ""),
            "command": self.command(),
        }
