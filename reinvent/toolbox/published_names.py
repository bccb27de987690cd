"""The names that the weights of the BERT family have in published files."""

import re
from collections.abc import Mapping

BODY = {
    "embeddings.word_embeddings": "embedding.words",
    "embeddings.position_embeddings": "embedding.places",
    "embeddings.token_type_embeddings": "segments",
    "embeddings.LayerNorm": "norm",
    "attention.self.query": "attention.to_query",
    "attention.self.key": "attention.to_key",
    "attention.self.value": "attention.to_value",
    "attention.output.dense": "attention.to_output",
    "attention.output.LayerNorm": "around_attention.norm",
    "intermediate.dense": "feed_forward.widen",
    "output.dense": "feed_forward.narrow",
    "output.LayerNorm": "around_feed_forward.norm",
    "pooler.dense": "pooler",
}
"""Parts of the body in a file, inside a layer or not, and here."""

HEADS = {
    "cls.predictions": "words",
    "cls.predictions.transform.dense": "words.transform",
    "cls.predictions.transform.LayerNorm": "words.norm",
    "cls.predictions.decoder": "words.decoder",
    "cls.seq_relationship": "to_next",
    "classifier": "to_logits",
    "qa_outputs": "to_logits",
}
"""The same for what stands on the body of BERT."""

OLD = {"gamma": "weight", "beta": "bias"}
"""What old files call the two vectors of a norm."""


def translated(name: str, table: Mapping[str, str]) -> str:
    """Return our name of a published weight, its own if it is unknown.

    Args:
        name: Such as "encoder.layer.0.output.LayerNorm.gamma".
        table: BODY, HEADS or another one like them.
    """
    part, _, kind = name.rpartition(".")
    layer = ""
    if inside := re.fullmatch(r"encoder\.layer\.(\d+)\.(.+)", part):
        layer, part = f"layers.{inside[1]}.", inside[2]
    if part not in table:
        return name
    return f"{layer}{table[part]}.{OLD.get(kind, kind)}"
