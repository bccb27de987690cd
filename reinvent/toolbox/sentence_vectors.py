"""One vector for a sentence, from the vectors of its words."""

from torch import Tensor
from torch.nn import functional as F


def sentence_vectors(hidden: Tensor, tokens: Tensor) -> Tensor:
    """Average the vectors of each sentence and bring them to length 1.

    So all-MiniLM-L6-v2 was trained to be used (Reimers and Gurevych, 2019,
    "Sentence-BERT"): the product of two such vectors is the cosine, which
    says how similar two sentences are.

    Args:
        hidden: The top layer, marks included, shape (B, T, D).
        tokens: Ids, padded with 0, shape (B, T).

    Returns:
        Shape (B, D).
    """
    words = (tokens != 0).unsqueeze(-1)  # (B, T, 1)
    mean = (hidden * words).sum(dim=1) / words.sum(dim=1)  # (B, D)
    return F.normalize(mean, dim=-1)
