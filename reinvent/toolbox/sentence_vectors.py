"""One vector for a sentence, from the vectors of its words."""

from torch import Tensor
from torch.nn import functional as F


def sentence_vectors(
    hidden: Tensor, tokens: Tensor, pad_id: int = 0
) -> Tensor:
    """Average the vectors of each sentence and bring them to length 1.

    So all-MiniLM-L6-v2 was trained to be used (Reimers and Gurevych, 2019,
    "Sentence-BERT"): the product of two such vectors is the cosine, which
    says how similar two sentences are.

    Args:
        hidden: The top layer, marks included, shape (B, T, D).
        tokens: Ids, filled up at the end, shape (B, T).
        pad_id: What fills them up: 1 in published RoBERTa models.

    Returns:
        Shape (B, D).
    """
    words = (tokens != pad_id).unsqueeze(-1)  # (B, T, 1)
    mean = (hidden * words).sum(dim=1) / words.sum(dim=1)  # (B, D)
    return F.normalize(mean, dim=-1)
