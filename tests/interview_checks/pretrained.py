"""The sizes of GPT, BERT, GPT-2 and RoBERTa, counted on the models."""

import torch

from reinvent import bert, gpt, gpt2, roberta


def base() -> bert.PretrainingBERT:
    """BERT base with all that pretraining needs, without its numbers."""
    with torch.device("meta"):
        return bert.PretrainingBERT(bert.BERT(bert.BERTConfig()))


def roberta_size(config: roberta.RoBERTaConfig) -> int:
    """Return the parameters of RoBERTa, without a head for words."""
    with torch.device("meta"):
        return size(roberta.RoBERTa(config))


def size(part: torch.nn.Module) -> int:
    """Return the number of parameters."""
    return sum(weight.numel() for weight in part.parameters())


def millions(count: int, digits: int = 1) -> str:
    """Return a count as it stands in an answer."""
    return f"{count / 1e6:.{digits}f}"


def parameters_of_bert() -> list[str]:
    model = base()
    body, config = model.bert, model.bert.config
    words = config.vocab_size * config.hidden_size
    layer = millions(size(body.layers[0]))
    assert layer == millions(12 * config.hidden_size**2)
    whole = round(size(model) / 1e6)
    assert whole == 110
    return [
        f"{whole} million",
        f"{config.num_layers} layers of about {layer} million",
        f"a table of words of {millions(words)} million",
        f"$12 D^2 = {layer}$ million with $D = {config.hidden_size}$",
        f"$30{{,}}522 \\cdot 768 = {millions(words)}$ million",
        f"places {millions(size(body.embedding.places))}",
    ]


def chosen_words() -> list[str]:
    return [f"{0.15:.0%} chosen", f"only {0.15 * 0.1:.1%} of all words"]


def one_matrix_for_three() -> list[str]:
    D = 7
    parts, matrices = torch.randn(3, D), torch.randn(3, D, D)
    beside = torch.cat(list(matrices), dim=1) @ parts.flatten()
    products = [m @ part for m, part in zip(matrices, parts, strict=True)]
    torch.testing.assert_close(beside, sum(products))
    return ["$W [a; b; c] = W_1 a + W_2 b + W_3 c$"]


def scores_at_hidden_places() -> list[str]:
    config = bert.BERTConfig()
    head = config.hidden_size * (config.vocab_size + config.hidden_size)
    layers = head / (12 * config.hidden_size**2)
    assert 3 < layers < 3.5
    assert round(1 / 0.15) == 7
    return [
        "30,522",
        "15% of the places",
        "a little more than three layers",
        "about a seventh",
    ]


def layers_of_gpt() -> list[str]:
    return [f"Each of the {gpt.GPTConfig().num_layers} layers"]


def new_numbers() -> list[str]:
    config = gpt.GPTConfig()
    with torch.device("meta"):
        body = size(gpt.GPT(config))
    new = 2 * config.hidden_size + 2 * config.hidden_size
    assert new < body / 100
    return ["fewer than one number in a hundred is new"]


def published_gpt2() -> list[str]:
    config = gpt2.config_of(48, 1600, 25)
    return [
        f"{config.max_positions:,} tokens",
        f"{config.vocab_size:,} byte pieces",
        f"{config.num_layers} layers of {config.hidden_size:,} numbers",
    ]


def cache_of_gpt2() -> list[str]:
    numbers = 2 * 48 * 1600 * 1024
    return [
        "48 layers of 1,600 numbers",
        r"$2 \cdot 48 \cdot 1600 \cdot 1024$",
        f"{numbers / 1e6:.0f} million",
    ]


def published_roberta() -> list[str]:
    config = roberta.RoBERTaConfig()
    first = config.pad_id + 1
    return [f"{config.vocab_size:,} pieces", f"places counted from {first}"]


def places_of_roberta() -> list[str]:
    config = roberta.RoBERTaConfig()
    longest = config.max_positions - config.pad_id - 1
    return [
        f"Padding has the id {config.pad_id}",
        f"{longest} tokens need {config.max_positions} vectors",
        f"A program with {config.max_positions} places",
    ]


def parameters_of_roberta() -> list[str]:
    base, large = roberta.RoBERTaConfig(), roberta.LARGE
    ours, theirs = base.vocab_size, bert.BERTConfig().vocab_size
    more = ours - theirs
    extra = [
        round(more * config.hidden_size / 1e6) for config in (base, large)
    ]
    return [
        f"Base {millions(roberta_size(base), 0)} million",
        f"large {millions(roberta_size(large), 0)} million",
        f"{ours:,} for {theirs:,}",
        f"{more:,} pieces times 768 or 1,024 numbers",
        f"about {extra[0]} or {extra[1]} million",
    ]
