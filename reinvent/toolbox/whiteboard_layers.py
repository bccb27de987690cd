"""Whiteboard tasks on layers: norm, places, a gate, a recurrent step.

Each function judges an answer of the reader and says what is wrong with it.
Vectors are rows, so a matrix stands on the right: `x @ W`. The tasks
themselves are told in the book's notebook `whiteboard`.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from reinvent.toolbox.checks import Verdict
from reinvent.toolbox.whiteboard import Task, normal, same

B, T, F, D, E = 2, 5, 7, 11, 13
EPS = 1e-5


def check_layer_norm(answer: Callable) -> Verdict:
    """Judges layer normalisation.

    Args:
        answer: Takes x `(B, T, D)`, gain `(D,)`, bias `(D,)` and eps; gives
            `(B, T, D)`.

    Returns:
        A verdict that names the mistake.
    """
    x, gain, bias = normal(11, (B, T, D), (D,), (D,))
    constant = x.clone()
    constant[0, 1] = 2.0
    task = Task(
        results=("the result",),
        right=_norm_with(),
        cases=[
            (3 * x + 1, gain, bias, EPS),
            (constant, gain, bias, EPS),
            # Here eps is larger than the variance, so its place shows.
            (x / 1000, gain, bias, EPS),
        ],
        mistakes=[
            (words, _norm_with(**changes)) for words, changes in WRONG_NORMS
        ],
        sign=_sign_of_norm,
    )
    return task.judge(answer)


def _norm_with(
    axes: tuple[int, ...] = (-1,),
    unbiased: bool = False,
    outside: bool = False,
    scaled: bool = True,
) -> Callable:
    def norm(x: Tensor, gain: Tensor, bias: Tensor, eps: float) -> Tensor:
        mean = x.mean(dim=axes, keepdim=True)
        var = x.var(dim=axes, keepdim=True, unbiased=unbiased)
        root = var.sqrt() + eps if outside else (var + eps).sqrt()
        normed = (x - mean) / root  # (B, T, D)
        return normed * gain + bias if scaled else normed

    return norm


WRONG_NORMS = [
    (
        "the deviation is the unbiased one, and eps is added to it:"
        " x.std() divides by D - 1; layer normalisation takes the mean"
        " square (divided by D) and adds eps under the root",
        {"unbiased": True, "outside": True},
    ),
    (
        "the variance is the unbiased one, divided by D - 1: layer"
        " normalisation divides by D (unbiased=False)",
        {"unbiased": True},
    ),
    (
        "eps is added to the deviation: it belongs under the root, with the"
        " variance",
        {"outside": True},
    ),
    (
        "the gain and the bias are not applied",
        {"scaled": False},
    ),
    (
        "the mean runs over the batch and the positions, which is batch"
        " normalisation: here each word is normed alone, over the last axis",
        {"axes": (0, 1)},
    ),
    (
        "the mean runs over the batch: here each word is normed alone, over"
        " the last axis",
        {"axes": (0,)},
    ),
    (
        "the mean runs over the positions, so a word depends on its"
        " neighbours: it belongs over the last axis",
        {"axes": (1,)},
    ),
    (
        "the mean runs over positions and numbers together, so a word depends"
        " on its neighbours: it belongs over the last axis alone",
        {"axes": (1, 2)},
    ),
]


def _sign_of_norm(given: Tensor, right: Tensor, *case: Tensor) -> str:
    if not given.isfinite().all():
        return (
            "the result is not finite where all numbers of a word are equal:"
            " there the variance is 0, which is what eps is for"
        )
    return ""


def check_positions(answer: Callable) -> Verdict:
    """Judges sinusoidal position codes.

    Args:
        answer: Takes the number of positions T and an even size D; gives
            `(T, D)`: sines in the even columns, cosines in the odd ones.

    Returns:
        A verdict that names the mistake.
    """
    task = Task(
        results=("the code",),
        right=_code_with(),
        cases=[(T, 8), (12, 6)],
        mistakes=[
            (words, _code_with(**changes)) for words, changes in WRONG_CODES
        ],
    )
    return task.judge(answer)


def _by_turns(sines: Tensor, cosines: Tensor) -> Tensor:
    return torch.stack([sines, cosines], dim=-1).flatten(1)  # (T, D)


def _code_with(
    join: Callable = _by_turns,
    exponent: float = 2.0,
    first: int = 0,
    apart: int = 0,
) -> Callable:
    def code(length: int, size: int) -> Tensor:
        places = torch.arange(first, first + length)
        powers = exponent * torch.arange(size // 2)
        of_sines, of_cosines = (
            places.unsqueeze(1) / 10_000 ** (power / size)
            for power in (powers, powers + apart)
        )
        return join(of_sines.sin(), of_cosines.cos())  # (T, D)

    return code


WRONG_CODES = [
    (
        "all sines stand before all cosines: a network could use that as"
        " well, but the task asks for the order of the paper, by turns",
        {"join": lambda sines, cosines: torch.cat([sines, cosines], dim=1)},
    ),
    (
        "sine and cosine are swapped: the even columns hold the sine",
        {"join": lambda sines, cosines: _by_turns(cosines, sines)},
    ),
    (
        "the exponent is i / D: for the pair number i it is 2i / D, so that"
        " the waves reach nearly 10,000",
        {"exponent": 1.0},
    ),
    (
        "the 2 of 2i / D counts twice: if i already goes in steps of 2, as"
        " in arange(0, D, 2), the exponent is i / D",
        {"exponent": 4.0},
    ),
    (
        "the cosine of a pair has another wave than its sine: columns 2i and"
        " 2i + 1 share the exponent 2i / D",
        {"apart": 1},
    ),
    (
        "the waves are multiplied, not divided: the angle is the position"
        " divided by 10,000 to the power of 2i / D",
        {"exponent": -2.0},
    ),
    (
        "positions begin at 1: the first one is 0, and its code is 0, 1, 0,"
        " 1, ...",
        {"first": 1},
    ),
]


def check_glu(answer: Callable) -> Verdict:
    """Judges a gated linear unit.

    Args:
        answer: Takes x `(B, T, D)`, W `(D, F)`, b `(F,)`, V `(D, F)` and c
            `(F,)`; gives `(B, T, F)`. W and b make what passes, V and c the
            gate.

    Returns:
        A verdict that names the mistake.
    """
    sizes = (B, T, D), (D, F), (F,), (D, F), (F,)
    task = Task(
        results=("the result",),
        right=_glu_with(lambda passed, gate: passed * gate.sigmoid()),
        cases=[tuple(normal(seed, *sizes)) for seed in (12, 13)],
        mistakes=[(words, _glu_with(unit)) for words, unit in WRONG_GLUS],
    )
    return task.judge(answer)


def _glu_with(unit: Callable) -> Callable:
    def glu(x: Tensor, W: Tensor, b: Tensor, V: Tensor, c: Tensor) -> Tensor:
        return unit(x @ W + b, x @ V + c)  # (B, T, F)

    return glu


WRONG_GLUS = [
    (
        "the halves are swapped: the sigmoid belongs on the gate, x V + c",
        lambda passed, gate: passed.sigmoid() * gate,
    ),
    (
        "the other half is bent, too: that is the tanh unit of the LSTM; in"
        " a GLU x W + b stays linear, so that the gradient passes",
        lambda passed, gate: passed.tanh() * gate.sigmoid(),
    ),
    (
        "the gate is a tanh, from -1 to 1: a gate is a sigmoid, from closed"
        " (0) to open (1)",
        lambda passed, gate: passed * gate.tanh(),
    ),
    (
        "the gate is not bent: that is a bilinear unit; the gate needs a"
        " sigmoid",
        lambda passed, gate: passed * gate,
    ),
    (
        "the gate is a relu: the task asks for a sigmoid",
        lambda passed, gate: passed * gate.relu(),
    ),
    (
        "the gate multiplies itself, x times sigmoid(x): that is SiLU; here"
        " the gate has weights of its own",
        lambda passed, gate: passed * passed.sigmoid(),
    ),
    (
        "the gate is added: it must multiply",
        lambda passed, gate: passed + gate.sigmoid(),
    ),
]


def check_lstm_step(answer: Callable) -> Verdict:
    """Judges one step of an LSTM.

    Args:
        answer: Takes x `(B, E)`, hidden `(B, D)`, cell `(B, D)`, W
            `(E, 4D)`, U `(D, 4D)` and b `(4D,)`, in the order input gate,
            forget gate, candidate, output gate; gives the new hidden and
            the new cell, both `(B, D)`.

    Returns:
        A verdict that names the mistake.
    """
    sizes = (B, E), (B, D), (B, D), (E, 4 * D), (D, 4 * D), (4 * D,)
    task = Task(
        results=("the new hidden state", "the new cell"),
        right=_lstm_with(_step),
        cases=[tuple(normal(seed, *sizes)) for seed in (14, 15)],
        mistakes=[(words, _lstm_with(step)) for words, step in WRONG_STEPS],
        sign=_sign_of_lstm,
    )
    return task.judge(answer)


def _lstm_with(step: Callable) -> Callable:
    def lstm(
        x: Tensor,
        hidden: Tensor,
        cell: Tensor,
        W: Tensor,
        U: Tensor,
        b: Tensor,
    ) -> tuple[Tensor, Tensor]:
        parts = (x @ W + hidden @ U + b).chunk(4, dim=-1)  # 4 x (B, D)
        return step(*parts, cell)

    return lstm


def _step(
    i: Tensor, f: Tensor, g: Tensor, o: Tensor, cell: Tensor
) -> tuple[Tensor, Tensor]:
    cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()  # (B, D)
    return o.sigmoid() * cell.tanh(), cell


def _step_from_old_cell(
    i: Tensor, f: Tensor, g: Tensor, o: Tensor, cell: Tensor
) -> tuple[Tensor, Tensor]:
    _, new = _step(i, f, g, o, cell)
    return o.sigmoid() * cell.tanh(), new


def _step_without_tanh(
    i: Tensor, f: Tensor, g: Tensor, o: Tensor, cell: Tensor
) -> tuple[Tensor, Tensor]:
    _, cell = _step(i, f, g, o, cell)
    return o.sigmoid() * cell, cell


def _step_with_sigmoid(
    i: Tensor, f: Tensor, g: Tensor, o: Tensor, cell: Tensor
) -> tuple[Tensor, Tensor]:
    cell = f.sigmoid() * cell + i.sigmoid() * g.sigmoid()  # (B, D)
    return o.sigmoid() * cell.tanh(), cell


WRONG_STEPS = [
    (
        "the results are swapped: first the hidden state, then the cell",
        lambda *parts: _step(*parts)[::-1],
    ),
    (
        "the parts are read in the order input, forget, output, candidate:"
        " here, as in PyTorch, the candidate is third",
        lambda i, f, g, o, cell: _step(i, f, o, g, cell),
    ),
    (
        "the input gate and the forget gate are swapped: the input gate"
        " comes first and multiplies the candidate",
        lambda i, f, g, o, cell: _step(f, i, g, o, cell),
    ),
    (
        "the hidden state is made from the old cell: it needs the new one",
        _step_from_old_cell,
    ),
    (
        "the hidden state misses a tanh: it is the output gate times the"
        " tanh of the new cell",
        _step_without_tanh,
    ),
    (
        "the candidate has a sigmoid, so the cell can only grow: gates are"
        " sigmoids, the candidate is a tanh, from -1 to 1",
        _step_with_sigmoid,
    ),
]


def _sign_of_lstm(given: tuple, right: tuple, *case: Tensor) -> str:
    if same(given[1], right[1]):
        return (
            "the new cell is right, but the hidden state is not: it is the"
            " output gate times the tanh of the new cell"
        )
    return ""
