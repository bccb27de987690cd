"""The tables of the explorer: what a reader without JavaScript sees."""

from collections.abc import Sequence
from html import escape

import numpy as np

from reinvent.toolbox.explorer_input import percent
from reinvent.toolbox.inline import table

CELLS = 900  # weights of a matrix that are still shown one by one
MAPS = 12  # layers x heads that still have a column each
TOP = 3  # links of a token that are named where not all can be


def map_table(panel: dict, weights: np.ndarray, words: dict) -> str:
    """Show one row per target token: all weights, or the strongest.

    Args:
        panel: Name, tokens and true links of one model.
        weights: (layers, heads, T, S).
        words: What things are called.

    Returns:
        The table in HTML, every token escaped.
    """
    layers, heads, rows, columns = weights.shape
    if layers * heads == 1 and rows * columns <= CELLS:
        return _matrix(panel, weights[0, 0], words)
    caption = f"The {TOP} strongest links of each token"
    if layers * heads > MAPS and heads > 1:
        weights = weights.mean(1, keepdims=True)
        caption += f", averaged over {heads} {words['head']}s"
    names = _map_names(weights.shape, words)
    lines = weights.reshape(-1, rows, columns).swapaxes(0, 1)  # (T, maps, S)
    body = [[_strongest(line, panel) for line in token] for token in lines]
    if panel["gold"]:
        names.append("true links")
        for row, cells in enumerate(body):
            true = sorted(s for s, t in panel["gold"] if t == row)
            words_true = " ".join(panel["source"][s] for s in true)
            cells.append(f"<td>{escape(words_true)}</td>")
    return table(_caption(panel, caption), names, panel["target"], body)


def rows_table(
    panel: dict, weights: np.ndarray, words: dict, scores: np.ndarray | None
) -> str:
    """Show one row per statement or layer, one column per hop or task.

    Args:
        panel: Rows ("source"), columns ("target") and true rows ("gold").
        weights: (columns, rows).
        words: What things are called, question and answer.
        scores: Numbers to print below the weights, of the same shape.

    Returns:
        The table in HTML, every text escaped.
    """
    body = [
        [
            _cell(
                weights[column, row],
                percent(weights[column, row]),
                "" if scores is None else f"{scores[column, row]:.2f}",
            )
            for column in range(len(weights))
        ]
        for row in range(weights.shape[1])
    ]
    marks = {fact: i + 1 for i, fact in enumerate(panel["gold"])}
    facts = [
        f' <span class="rb-fact">◆ fact {marks[row]}</span>'
        if row in marks
        else ""
        for row in range(weights.shape[1])
    ]
    page = table("", panel["target"], panel["source"], body, facts)
    return _line("question", words) + page + _line("answer", words)


def _map_names(shape: Sequence[int], words: dict) -> list[str]:
    """Name each map by layer and head; what there is once has no name."""
    sides = []
    for count, kind in zip(shape, ("layer", "head"), strict=False):
        own = words.get(kind + "s")
        names = own or [f"{words[kind]} {i + 1}" for i in range(count)]
        sides.append(names if count > 1 else [""])
    layers, heads = sides
    return [f"{layer} {head}".strip() for layer in layers for head in heads]


def _matrix(panel: dict, weights: np.ndarray, words: dict) -> str:
    """Show the whole matrix in hundredths."""
    marks = {(s, t): "◇" for s, t in panel["possible"]}
    marks |= {(s, t): "◆" for s, t in panel["gold"]}
    body = [
        [
            _cell(weight, _hundredths(weight), marks.get((column, row), ""))
            for column, weight in enumerate(line)
        ]
        for row, line in enumerate(weights)
    ]
    caption = f"Rows: {words['target']}; columns: {words['source']}"
    caption += "; ◆ true link" if panel["gold"] else ""
    caption += "; ◇ possible link" if panel["possible"] else ""
    sides = panel["source"], panel["target"]
    return table(_caption(panel, caption), *sides, body)


def _hundredths(weight: float) -> str:
    """Return .923 as ".92" and what rounds to nothing as nothing."""
    return f"{weight:.2f}".removeprefix("0") if weight >= 0.005 else ""


def _strongest(line: np.ndarray, panel: dict) -> str:
    """Name the strongest links of one token."""
    order = [s for s in np.argsort(-line, kind="stable")[:TOP] if line[s] > 0]
    named = []
    for s in order:
        token = escape(panel["source"][s])
        token = token if token.isascii() else f"<bdi>{token}</bdi>"
        named.append(f"{token} {escape(percent(line[s]))}")
    return f"<td>{', '.join(named)}</td>"


def _caption(panel: dict, caption: str) -> str:
    """Put the model's name before the caption."""
    return f"{panel['name']}. {caption}" if panel["name"] else caption


def _cell(weight: float, text: str, under: str = "") -> str:
    """One shaded number, and something small below it."""
    deep = f"{min(weight, 1) ** 0.6:.2f}"  # as `shadeOf` in the script
    shade = f' style="--w:{deep}"' if weight >= 0.01 else ""
    small = f" <small>{under}</small>" if under else ""
    return f'<td class="rb-cell"{shade}>{escape(text)}{small}</td>'


def _line(name: str, words: dict) -> str:
    """The question above the story or the answer below it."""
    if not words.get(name):
        return ""
    text = escape(words[name])
    label = name.capitalize()
    return (
        f'<p class="rb-line rb-{name}"><span>{label}</span> <b>{text}</b></p>'
    )
