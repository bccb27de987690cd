"""Published names of weights are found, and unknown ones stay."""

import pytest

from reinvent.toolbox.published_names import BODY, HEADS, translated


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("embeddings.LayerNorm.gamma", "norm.weight"),
        ("pooler.dense.bias", "pooler.bias"),
        (
            "encoder.layer.11.attention.output.LayerNorm.beta",
            "layers.11.around_attention.norm.bias",
        ),
        (
            "encoder.layer.0.output.dense.weight",
            "layers.0.feed_forward.narrow.weight",
        ),
        ("encoder.layer.x.output.dense.weight", None),
        ("encoder.layer.0.rotary.weight", None),
        ("cls.predictions.bias", None),
        ("weight", None),
    ],
)
def test_a_name_of_the_body_is_translated_or_stays(name, ours):
    assert translated(name, BODY) == (ours or name)


def test_a_name_of_a_head_is_translated():
    assert translated("cls.predictions.bias", HEADS) == "words.bias"
    assert translated("classifier.weight", HEADS) == "to_logits.weight"
