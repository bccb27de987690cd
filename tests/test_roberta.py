"""RoBERTa: its places, its masks, its inputs, and transformers' own."""

import math
from collections import Counter
from dataclasses import asdict, replace
from itertools import chain
from random import Random

import pytest
import torch
import transformers
from real_data import real_data
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor, nn
from torch.nn import functional as F

from reinvent import bert
from reinvent.bert import (
    BERT,
    BERTClassifier,
    BERTReader,
    BERTTagger,
    PretrainingBatch,
    PretrainingBERT,
    TaskBatch,
    mask_tokens,
    next_sentence_pairs,
)
from reinvent.byte_bpe import ByteBPE
from reinvent.roberta import (
    LARGE,
    TINY,
    Marks,
    PretrainingRoBERTa,
    RoBERTa,
    RoBERTaConfig,
    batches_of_tokens,
    doc_sentences,
    full_sentences,
    load_published,
    sentence_pairs,
    static_batch,
    static_masks,
)
from reinvent.toolbox import checks
from reinvent.toolbox.inputs import IGNORED

B, T, H, K, V, N, C, P = 5, 7, 2, 11, 23, 3, 13, 19
D = H * K
CONFIG = RoBERTaConfig(
    vocab_size=V,
    hidden_size=D,
    num_layers=N,
    num_heads=H,
    feed_forward_size=4 * D,
    max_positions=P,
    dropout=0.0,
)
MARKS = Marks(mask=V - 1)
PADDING = pytest.mark.parametrize("pad_id", [0, 1, 5])
NEAR = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def model():
    return shaken(PretrainingRoBERTa(RoBERTa(CONFIG)))


def shaken(model: nn.Module) -> nn.Module:
    """Moves all weights: norms of 1 and biases of 0 would hide mistakes."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model


def texts(*lengths: int) -> list[list[int]]:
    """Ids of words, none of them a mark or padding."""
    return [torch.randint(6, V - 1, (n,)).tolist() for n in lengths]


def inputs(*lengths: int, marks: Marks = MARKS) -> tuple[Tensor, Tensor]:
    """Tokens and segments of pairs of texts of these and other lengths."""
    return marks.batch([texts(n, 1 + n % 3) for n in lengths])


def batch_of(*lengths: int) -> PretrainingBatch:
    """Pairs with half of the words to be told."""
    tokens, _ = inputs(*lengths)
    return mask_tokens(tokens, MARKS, V, rate=0.5)


# What it changes in BERT


def test_an_input_has_two_marks_between_its_texts():
    assert MARKS.around([3, 4]) == ([0, 3, 4, 2], [0, 0, 0, 0])
    assert MARKS.around([3, 4], [5]) == (
        [0, 3, 4, 2, 2, 5, 2],
        [0, 0, 0, 0, 0, 1, 1],
    )
    tokens, segments = MARKS.batch([[[3, 4], [5]], [[6]]])
    assert tokens[1].tolist() == [0, 6, 2, 1, 1, 1, 1]
    assert not segments[1].any()
    with pytest.raises(ValueError, match="text 1 is empty"):
        MARKS.around([3], [])


@PADDING
def test_places_count_from_behind_the_padding(pad_id):
    config = replace(CONFIG, pad_id=pad_id)
    model = shaken(RoBERTa(config)).double()
    tokens, _ = inputs(2, 4)
    x = model.embed(tokens)
    for b in range(2):
        for t in range(tokens.shape[1]):
            e = (
                model.embedding.words.weight[tokens[b, t]]
                + model.embedding.places.weight[pad_id + 1 + t]
                + model.segments.weight[0]
            )
            e = (e - e.mean()) / (e.var(unbiased=False) + 1e-5).sqrt()
            expected = e * model.norm.weight + model.norm.bias
            torch.testing.assert_close(x[b, t], expected)


@PADDING
def test_the_longest_input_leaves_the_first_places_alone(pad_id):
    model = RoBERTa(replace(CONFIG, pad_id=pad_id))
    room = P - pad_id - 1
    tokens = torch.full((1, room), 7)
    model(tokens).sum().backward()
    used = model.embedding.places.weight.grad.any(dim=1)
    assert used.tolist() == [False] * (pad_id + 1) + [True] * room
    with pytest.raises(ValueError, match=f"to {P}, expected 0 to {P - 1}"):
        model(torch.full((1, room + 1), 7))


def test_published_models_read_512_tokens():
    for config in RoBERTaConfig(), LARGE:
        assert config.max_positions - config.pad_id - 1 == 512
    assert TINY.max_positions - TINY.pad_id - 1 == bert.TINY.max_positions


def test_tiny_is_that_of_bert_but_for_places_and_segments():
    changed = {"max_positions", "num_segments", "eps", "pad_id", "vocab_size"}
    theirs = asdict(bert.TINY)
    for name, value in asdict(TINY).items():
        assert name in changed or theirs[name] == value, name


def test_with_other_places_it_is_bert():
    ours = shaken(RoBERTa(CONFIG))
    settings = asdict(replace(CONFIG, max_positions=P - 2))
    del settings["pad_id"]
    theirs = BERT(bert.BERTConfig(**settings))
    state = ours.state_dict()
    places = "embedding.places.weight"
    theirs.load_state_dict({**state, places: state[places][2:]})
    tokens = torch.randint(3, V, (B, T))
    torch.testing.assert_close(ours(tokens), theirs(tokens))


def test_segments_have_no_effect(model):
    tokens, segments = inputs(2, 4)
    assert segments.any()
    with_segments = model.bert(tokens, segments)
    assert torch.equal(with_segments, model.bert(tokens))


@PADDING
def test_padding_and_neighbours_change_nothing(pad_id):
    model = shaken(RoBERTa(replace(CONFIG, pad_id=pad_id)))
    others = [i for i in range(6) if i != pad_id]
    marks = Marks(pad=pad_id, cls=others[0], sep=others[1], mask=V - 1)
    tokens, _ = inputs(2, 3, 4, 1, 3, marks=marks)
    assert (tokens == pad_id).any()
    assert checks.batched_equals_one_by_one(model, tokens, pad_id=pad_id)
    short = tokens[:, :6]
    assert checks.padding_has_no_effect(
        lambda t: model(t)[:, :6], short, pad_id=pad_id
    )
    weights = model.attention(tokens)
    seen = (tokens != pad_id)[:, None, None, None].expand(weights.shape)
    assert checks.is_distribution(weights, seen)


def test_an_input_that_begins_with_padding_is_named(model):
    with pytest.raises(ValueError, match="input 1 begins with padding"):
        model.bert(torch.tensor([[0, 5, 2], [1, 0, 2]]))


# Its one task


def test_only_hidden_words_are_told(model):
    batch = batch_of(2, 3, 4)
    told = []
    hidden = model.bert(batch.tokens)
    head, words = model.words, model.bert.embedding.words.weight
    answers = iter(batch.answers)
    for b, t in batch.chosen.nonzero().tolist():
        x = head.norm(F.gelu(head.transform(hidden[b, t])))
        shares = (words @ x + head.bias).softmax(0)
        told.append(-shares[next(answers)].log())
    torch.testing.assert_close(model.loss(batch), sum(told) / len(told))
    asked = batch._replace(random_next=torch.zeros(3, dtype=torch.long))
    with pytest.raises(ValueError, match="random_next is given, expected No"):
        model.loss(asked)
    loss = PretrainingBERT(model.bert).loss(asked)  # section 4.2 asks
    assert torch.isfinite(loss)


def test_every_parameter_but_the_pooler_learns():
    model = PretrainingRoBERTa(RoBERTa(CONFIG))
    loss = model.loss(batch_of(2, 3, 4, 1, 3))
    assert checks.starts_near_uniform(loss, V)
    loss.backward()
    still = [n for n, p in model.named_parameters() if p.grad is None]
    assert still == ["bert.pooler.weight", "bert.pooler.bias"]
    assert all(p.grad.any() for p in model.parameters() if p.grad is not None)


def test_a_batch_can_be_learned_by_heart():
    model = PretrainingRoBERTa(RoBERTa(replace(CONFIG, num_layers=1)))
    batch = batch_of(2, 3, 4)
    assert checks.can_overfit(model, lambda: model.loss(batch))


def test_a_task_trains_the_pooler():
    model = BERTClassifier(RoBERTa(CONFIG), C, dropout=0.0)
    tokens, segments = inputs(2, 3, 4, 1, 3)
    batch = TaskBatch(tokens, torch.arange(B) % C, segments)
    assert checks.every_parameter_learns(model, lambda: model.loss(batch))


def test_an_answer_stands_in_the_second_text():
    model = BERTReader(shaken(RoBERTa(CONFIG)))
    tokens, segments = inputs(2, 3, 4, 1, 3)
    start, end = model(tokens, segments)
    assert torch.equal(start == -torch.inf, tokens == MARKS.pad)
    spans = model.answer(tokens, segments)
    for b, (first, last) in enumerate(spans.tolist()):
        assert first <= last
        assert segments[b, first : last + 1].all()
        assert (tokens[b, first : last + 1] != MARKS.pad).all()


# Masks


def rows_of(count: int) -> list[list[int]]:
    return [MARKS.around(text)[0] for text in texts(*range(3, 3 + count))]


def test_each_text_is_there_as_often_as_there_are_copies():
    rows = rows_of(B)
    masked = static_masks(rows, MARKS, V, 3, rate=0.5)
    for i, row in enumerate(rows):
        copies = masked[i::B]
        assert len(copies) == 3
        for text in copies:
            told = text.tokens.masked_scatter(text.chosen, text.answers)
            assert told.tolist() == [row]
        assert len({tuple(text.chosen[0].tolist()) for text in copies}) > 1


def test_static_masks_are_those_of_mask_tokens_and_stay():
    rows = [MARKS.around(text)[0] for text in texts(*[T] * B)]
    chance = torch.Generator().manual_seed(0)
    masked = static_masks(rows, MARKS, V, 1, rate=0.5, generator=chance)
    chance.manual_seed(0)
    for row, found in zip(rows, masked, strict=True):
        tokens = torch.tensor([row])
        expected = mask_tokens(tokens, MARKS, V, rate=0.5, generator=chance)
        for one, other in zip(found[:3], expected[:3], strict=True):
            assert torch.equal(one, other)
    for one, other in zip(
        static_batch(masked)[:3], static_batch(masked)[:3], strict=True
    ):
        assert torch.equal(one, other)


def test_a_batch_of_static_masks_is_padded():
    masked = static_masks(rows_of(B), MARKS, V, 1, rate=0.5)
    batch = static_batch(masked)
    for i, text in enumerate(masked):
        length = text.tokens.shape[1]
        assert torch.equal(batch.tokens[i, :length], text.tokens[0])
        assert torch.equal(batch.chosen[i, :length], text.chosen[0])
        assert (batch.tokens[i, length:] == MARKS.pad).all()
        assert not batch.chosen[i, length:].any()
    assert batch.answers.tolist() == [
        word for text in masked for word in text.answers.tolist()
    ]
    assert (static_batch(masked, pad_id=4).tokens[0, 5:] == 4).all()
    loss = PretrainingRoBERTa(RoBERTa(CONFIG)).loss(batch)
    assert torch.isfinite(loss)


def test_ten_copies_hide_a_word_as_often_as_the_rate_says():
    rows = [MARKS.around(text)[0] for text in texts(*[97] * 101)]
    masked = static_masks(rows, MARKS, V, 10, rate=0.15)
    chosen = sum(len(text.answers) for text in masked)
    total = 97 * 101 * 10
    expected = 0.15 * total
    deviation = math.sqrt(total * 0.15 * 0.85)
    assert abs(chosen - expected) < 3.3 * deviation  # 1 in 1,000


def test_a_mask_needs_a_copy():
    with pytest.raises(ValueError, match="copies is 0, expected at least 1"):
        static_masks(rows_of(1), MARKS, V, 0)


# Inputs


def documents(count: int = 101, sentences: int = 6) -> list[list[list[int]]]:
    """A token tells its document, sentence and place."""
    rng = Random(0)
    return [
        [
            [1000 * d + 10 * s + t for t in range(rng.randrange(2, 8))]
            for s in range(rng.randrange(1, sentences))
        ]
        for d in range(1, count + 1)
    ]


SEP = 2
LONGEST = 23


def flat(given: list[list[list[int]]]) -> list[int]:
    return [*chain(*chain(*given))]


def test_full_sentences_lose_nothing_and_keep_the_order():
    given = documents()
    rows = list(full_sentences(given, LONGEST, SEP))
    told = [token for row in rows for token in row if token != SEP]
    assert told == flat(given)
    assert all(1 <= len(row) <= LONGEST - 2 for row in rows)
    assert all(row[0] % 10 == 0 for row in rows)  # whole sentences


def test_full_sentences_are_as_many_as_fit():
    given = documents()
    rows = list(full_sentences(given, LONGEST, SEP))
    length = {s[0]: len(s) for d in given for s in d}
    for row, following in zip(rows, rows[1:], strict=False):
        crosses = row[-1] // 1000 != following[0] // 1000
        assert len(row) + crosses + length[following[0]] > LONGEST - 2


def test_full_sentences_cross_documents_behind_a_separator():
    rows = list(full_sentences(documents(), LONGEST, SEP))
    crossed = 0
    for row in rows:
        assert row[0] != SEP
        assert row[-1] != SEP
        for left, right in zip(row, row[1:], strict=False):
            if SEP not in (left, right):
                assert left // 1000 == right // 1000
        for place in (i for i, token in enumerate(row) if token == SEP):
            assert row[place - 1] // 1000 + 1 == row[place + 1] // 1000
            crossed += 1
    assert crossed > 20


def test_doc_sentences_never_cross_and_lose_nothing():
    given = documents()
    rows = list(doc_sentences(given, LONGEST))
    assert [*chain(*rows)] == flat(given)
    assert all(len(row) <= LONGEST - 2 for row in rows)
    assert all(len({token // 1000 for token in row}) == 1 for row in rows)
    assert len(rows) > len(list(full_sentences(given, LONGEST, SEP)))
    short = [len(row) for row in rows]
    assert min(short) < LONGEST / 2 < max(short)


def test_a_sentence_that_no_input_can_hold_is_cut():
    long = [list(range(10, 60))]
    for rows in (
        list(full_sentences([long, [[7]]], LONGEST, SEP)),
        list(doc_sentences([long, [[7]]], LONGEST)),
    ):
        assert [len(row) for row in rows[:2]] == [LONGEST - 2] * 2
        told = [token for row in rows for token in row if token != SEP]
        assert told == [*long[0], 7]


def test_an_input_of_marks_alone_is_refused():
    with pytest.raises(ValueError, match="longest is 2, expected at least 3"):
        list(full_sentences([[[7]]], 2, SEP))
    with pytest.raises(ValueError, match="longest is 2, expected at least 3"):
        list(doc_sentences([[[7]]], 2))


def test_sentence_pairs_are_single_sentences_half_of_them_neighbours():
    given = documents(997)
    pairs = list(sentence_pairs(given, LONGEST, Random(0)))
    sentences = {tuple(s) for d in given for s in d}
    last = {d[-1][0] for d in given}
    chosen = Counter()
    for first, second, random_next in pairs:
        assert {tuple(first), tuple(second)} <= sentences
        if random_next:
            assert first[0] // 1000 != second[0] // 1000
        else:
            assert second[0] == first[0] - first[0] % 10 + 10
        if first[0] not in last:  # the last has no neighbour
            chosen[random_next] += 1
    half = sum(chosen.values()) / 2
    deviation = math.sqrt(half / 2)
    assert abs(chosen[True] - half) < 3.3 * deviation  # 1 in 1,000


def test_sentence_pairs_read_every_sentence_once():
    given = documents()
    read = []
    for first, second, random_next in sentence_pairs(
        given, LONGEST, Random(0)
    ):
        read += first if random_next else first + second
    assert read == flat(given)


def test_sentence_pairs_fit():
    given = [[[d] * 11, [d] * 17, [d] * 3] for d in (5, 6)]
    for _ in range(7):
        for pair in sentence_pairs(given, LONGEST, Random(0)):
            row, _ = MARKS.around(pair.first, pair.second)
            assert len(row) <= LONGEST


@pytest.mark.parametrize(
    ("given", "longest"),
    [([[[3]]], 23), ([[[3]], []], 23), ([[[3]], [[4]]], 5)],
)
def test_pairs_need_two_documents_and_room(given, longest):
    with pytest.raises(ValueError, match="documents for inputs of .* tokens"):
        list(sentence_pairs(given, longest, Random(0)))


def test_the_four_inputs_differ_in_length_as_the_paper_says():
    given = documents(sentences=12)
    rng = Random(0)
    mean = {
        name: sum(lengths) / len(lengths)
        for name, lengths in {
            "segments": [
                len(p.first) + len(p.second)
                for p in next_sentence_pairs(given, 37, rng)
            ],
            "sentences": [
                len(p.first) + len(p.second)
                for p in sentence_pairs(given, 37, rng)
            ],
            "full": [*map(len, full_sentences(given, 37, SEP))],
            "doc": [*map(len, doc_sentences(given, 37))],
        }.items()
    }
    assert mean["sentences"] < 0.6 * mean["segments"]
    assert mean["doc"] < mean["full"]


def test_batches_of_short_inputs_hold_more_of_them():
    lengths = [Random(i).randrange(1, 20) for i in range(499)] + [100, 3]
    batches = list(batches_of_tokens(lengths, 59))
    assert [*chain(*batches)] == list(range(len(lengths)))
    for batch, following in zip(batches, batches[1:], strict=False):
        held = sum(lengths[i] for i in batch)
        assert held <= 59 or len(batch) == 1
        assert held + lengths[following[0]] > 59
    assert list(batches_of_tokens([], 59)) == []


# Parity with transformers


def reference(name: str, **settings: object) -> nn.Module:
    """Their model, small, with random weights everywhere."""
    config = transformers.RobertaConfig(
        vocab_size=V,
        hidden_size=D,
        num_hidden_layers=N,
        num_attention_heads=H,
        intermediate_size=4 * D,
        max_position_embeddings=P,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        **settings,
    )
    return shaken(getattr(transformers, name)(config)).eval()


def theirs_reads(theirs: nn.Module, tokens: Tensor, **more) -> object:
    mask = (tokens != MARKS.pad).long()
    return theirs(tokens, attention_mask=mask, **more)


def test_the_body_gives_what_theirs_gives():
    theirs = reference("RobertaModel", attn_implementation="eager")
    ours = RoBERTa(CONFIG)
    assert load_published(ours, theirs.state_dict()) == []
    tokens, _ = inputs(2, 3, 4, 1, 3)
    words = tokens != MARKS.pad
    assert not words.all()
    out = theirs_reads(
        theirs, tokens, output_attentions=True, output_hidden_states=True
    )
    layers = ours.represent(tokens).unbind(1)
    for layer, expected in zip(layers, out.hidden_states, strict=True):
        torch.testing.assert_close(layer[words], expected[words], **NEAR)
    torch.testing.assert_close(
        ours.pool(ours(tokens)), out.pooler_output, **NEAR
    )
    seen = words[:, None, None].expand(B, H, *tokens.shape[1:] * 2)
    looked = ours.attention(tokens).unbind(1)
    for weights, expected in zip(looked, out.attentions, strict=True):
        asked = words[:, None, :, None] & seen
        torch.testing.assert_close(weights[asked], expected[asked], **NEAR)


def test_pretraining_gives_their_outputs_losses_and_gradients():
    theirs = reference("RobertaForMaskedLM")
    ours = PretrainingRoBERTa(RoBERTa(CONFIG))
    lacking = ["bert.pooler.weight", "bert.pooler.bias"]
    assert load_published(ours, theirs.state_dict()) == lacking
    batch = batch_of(2, 3, 4, 1, 3)
    labels = torch.full_like(batch.tokens, IGNORED)
    labels[batch.chosen] = batch.answers
    out = theirs_reads(theirs, batch.tokens, labels=labels)
    torch.testing.assert_close(
        ours(batch.tokens, batch.chosen), out.logits[batch.chosen], **NEAR
    )
    loss = ours.loss(batch)
    torch.testing.assert_close(loss, out.loss, **NEAR)
    loss.backward()
    out.loss.backward()
    # Gradients go through the same names as weights.
    gradients = PretrainingRoBERTa(RoBERTa(CONFIG))
    given = {name: p.grad for name, p in theirs.named_parameters()}
    assert load_published(gradients, given) == lacking
    for name, parameter in ours.named_parameters():
        if name not in lacking:
            expected = gradients.get_parameter(name).data
            torch.testing.assert_close(
                parameter.grad, expected, **NEAR, msg=name
            )


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("RobertaForSequenceClassification", BERTClassifier),
        ("RobertaForTokenClassification", BERTTagger),
        ("RobertaForQuestionAnswering", BERTReader),
    ],
)
def test_the_heads_give_what_theirs_give(name, head):
    reads = head is BERTReader
    theirs = reference(name, num_labels=2 if reads else C)
    body = RoBERTa(CONFIG)
    ours = (head(body) if reads else head(body, C, dropout=0.0)).eval()
    lacking = load_published(ours, theirs.state_dict())
    assert bool(lacking) == (head is not BERTClassifier)
    tokens, segments = inputs(2, 3, 4, 1, 3)
    words = tokens != MARKS.pad
    out = theirs_reads(theirs, tokens)
    if reads:
        start, end = ours(tokens, segments)
        for given, expected in (
            (start, out.start_logits),
            (
                end,
                out.end_logits,
            ),
        ):
            torch.testing.assert_close(given[words], expected[words], **NEAR)
        return
    logits = ours(tokens, segments)
    asked = words if logits.dim() == 3 else torch.arange(B)
    torch.testing.assert_close(logits[asked], out.logits[asked], **NEAR)


# Published weights


def test_what_is_no_weight_and_old_files_are_understood():
    theirs = reference("RobertaForMaskedLM")
    state = theirs.state_dict()
    ids = torch.arange(P)[None]
    state["roberta.embeddings.position_ids"] = ids
    state["roberta.embeddings.token_type_ids"] = torch.zeros_like(ids)
    for copy in ("decoder.weight", "decoder.bias"):
        del state[f"lm_head.{copy}"]  # as in many files
    pooler = reference("RobertaModel").state_dict()
    state |= {f"roberta.{n}": w for n, w in pooler.items() if "pooler" in n}
    ours = PretrainingRoBERTa(RoBERTa(CONFIG))
    assert load_published(ours, state) == []
    words = state["roberta.embeddings.word_embeddings.weight"]
    assert torch.equal(ours.bert.embedding.words.weight, words)
    whole = PretrainingBERT(RoBERTa(CONFIG))
    lacking = ["to_next.weight", "to_next.bias"]
    assert load_published(whole, state) == lacking
    body = RoBERTa(CONFIG)
    assert load_published(body, state) == []
    for name, weight in body.state_dict().items():
        assert torch.equal(weight, ours.bert.state_dict()[name])


@pytest.mark.parametrize("backwards", [False, True])
def test_a_classifier_is_read_even_beside_a_pooler(backwards):
    theirs = reference("RobertaForSequenceClassification", num_labels=C)
    state = theirs.state_dict()
    pooler = reference("RobertaModel").state_dict()
    state |= {f"roberta.{n}": w for n, w in pooler.items() if "pooler" in n}
    if backwards:
        state = dict(reversed(state.items()))
    ours = BERTClassifier(RoBERTa(CONFIG), C).eval()
    assert load_published(ours, state) == []
    tokens, _ = inputs(2, 3)
    torch.testing.assert_close(
        ours(tokens), theirs_reads(theirs, tokens).logits, **NEAR
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder.layer.1.output.dense.bias": None}, "1 missing .*layers.1"),
        ({"lm_head.bias": None}, "1 missing .*words.bias"),
        ({"lm_head.layer_norm.bias": None}, "1 missing .*words.norm.bias"),
        ({"encoder.layer.7.output.dense.bias": (D,)}, "unknown .*layers.7"),
        ({"lm_head.other.weight": (D,)}, "1 unknown .*lm_head.other.weight"),
        ({"classifier.out_proj.bias": (C,)}, "1 unknown .*to_logits.bias"),
        (
            {"embeddings.position_embeddings.weight": (P - 2, D)},
            rf"places.weight is given with shape \({P - 2}, {D}\), expected",
        ),
        ({"lm_head.decoder.weight": (V, D)}, "decoder.weight is another"),
        ({"lm_head.decoder.bias": (V,)}, "decoder.bias is another"),
    ],
)
def test_weights_that_do_not_fit_are_named(change, message):
    state = {
        name.removeprefix("roberta."): weight
        for name, weight in reference("RobertaForMaskedLM")
        .state_dict()
        .items()
    }
    for name, shape in change.items():
        state.pop(name, None)
        if shape:
            state[name] = torch.zeros(shape)
    model = PretrainingRoBERTa(RoBERTa(CONFIG))
    before = {name: w.clone() for name, w in model.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        load_published(model, state)
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, before[name])


def counts(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("config", "whole", "body", "printed"),
    [
        (RoBERTaConfig(), 124_697_433, 124_645_632, 125),
        (LARGE, 355_412_057, 355_359_744, 355),
    ],
)
def test_base_and_large_have_the_parameters_of_the_paper(
    config, whole, body, printed
):
    with torch.device("meta"):
        ours = PretrainingRoBERTa(RoBERTa(config))
        theirs = transformers.RobertaForMaskedLM(
            transformers.RobertaConfig(
                hidden_size=config.hidden_size,
                num_hidden_layers=config.num_layers,
                num_attention_heads=config.num_heads,
                intermediate_size=config.feed_forward_size,
                max_position_embeddings=514,
                type_vocab_size=1,
            )
        )
    pooler = counts(ours.bert.pooler)
    assert counts(ours) - pooler == counts(theirs) == whole
    assert counts(ours.bert) == counts(theirs.roberta) + pooler == body
    assert round(whole / 1e6) == printed
    # Section 4.4: how much the larger vocabulary adds.
    of_bert = bert.BERTConfig().vocab_size
    more = (config.vocab_size - of_bert) * config.hidden_size
    assert round(more / 1e6) == {125: 15, 355: 20}[printed]


# Published pieces


@pytest.fixture(scope="module")
def published() -> ByteBPE:
    return ByteBPE.from_files(
        real_data("vocab/roberta-vocab.json"),
        real_data("vocab/roberta-merges.txt"),
    )


def test_the_marks_are_those_of_the_published_pieces(published):
    assert len(published) == RoBERTaConfig().vocab_size
    assert Marks.of(published) == Marks()
    assert Marks().pad == RoBERTaConfig().pad_id
    hidden = published.encode("Paris is the<mask> of France.", specials=True)
    assert hidden.count(Marks().mask) == 1


def test_marks_are_found_among_ones_own_pieces():
    specials = "<s>", "<pad>", "</s>", "<unk>", "<mask>"
    pieces = ByteBPE.train(["a dog barks"], 3, specials=specials)
    marks = Marks.of(ByteBPE((*specials, *pieces.pieces[:-5]), pieces.merges))
    assert marks.ids == (1, 0, 2, 4)
    with pytest.raises(ValueError, match="without <s>, <mask>, expected all"):
        Marks.of(ByteBPE.train(["dog"], 3, specials=("<pad>", "</s>")))


def test_published_pieces_are_the_ids_of_the_library(published):
    merges = list(published.merges)
    library = Tokenizer(models.BPE(vocab=published.ids, merges=merges))
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    lines = real_data("sst-2/dev.tsv").read_text(encoding="utf-8")
    given = lines.splitlines()[1:300] + ["naïve中国 🙂 \t <s> x  "]
    for text in given:
        assert published.encode(text) == library.encode(text).ids
        assert published.decode(published.encode(text)) == text
    first, second = published.encode("a dog"), published.encode(" barks")
    theirs = transformers.RobertaTokenizer(
        str(real_data("vocab/roberta-vocab.json")),
        str(real_data("vocab/roberta-merges.txt")),
    )
    row, _ = Marks().around(first, second)
    assert row == theirs("a dog", " barks")["input_ids"]
