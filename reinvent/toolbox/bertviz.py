"""bertviz: its head view, model view and neuron view of our own tensors.

    from reinvent.toolbox.bertviz import head_view
    head_view(transformer.attention(source, target), words, translation)

Jesse Vig (2019), "A Multiscale Visualization of Attention in the Transformer
Model", https://arxiv.org/abs/1906.05714v1. His Python sorts the numbers, his
JavaScript draws them: version 1.4.1, unchanged, in `vendored`. Alone it would
ask other hosts for d3 and jQuery and give each view a random name. Here the
page carries the part of d3 that is used, `bertviz.js` does what jQuery would,
and a shadow root keeps the names inside a view from those of the page. So a
view works without a network, in a notebook and on a static page: see `inline`.
"""

import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from html import escape
from pathlib import Path

import torch
from torch import Tensor, nn

from reinvent.toolbox import bertviz_input as given
from reinvent.toolbox import inline

HINTS = {
    "head": "Point at a word to see what it is tied to. A coloured square is "
    "a head: a click takes it out or back in, a double click shows it alone.",
    "model": "Layers from top to bottom, heads from left to right. A click "
    "on a small picture enlarges it, a second click puts it away.",
    "neuron": "Point at a word on the left to see where it looks; a click on "
    "the plus beside it opens the computation, number by number, from query "
    "and key to the softmax.",
}
D3 = "/* d3 5.7.0, Mike Bostock, BSD-3-Clause */("
VIEW = (
    "/* bertviz 1.4.1, Jesse Vig, Apache-2.0 */"
    "function(requirejs,PYTHON_PARAMS,window,console){"
)


class View:
    """A view of bertviz that needs no other host.

    A notebook shows it by itself. Where no JavaScript runs, and on paper, a
    line says what else shows the weights.
    """

    def __init__(
        self, kind: str, markup: str, params: dict, title: str, figure: str
    ) -> None:
        """Take what bertviz made.

        Args:
            kind: "head", "model" or "neuron".
            markup: Its menus, in HTML.
            params: What its JavaScript is given.
            title: One line above the view.
            figure: What else shows these weights, such as "the figure above".
        """
        data = {
            "kind": kind,
            "markup": markup,
            "params": params,
            "unit": given.UNIT,
        }
        self._kind, self._data = kind, inline.packed(data)
        self._title = inline.visible(title)
        self._figure = inline.visible(figure)

    def html(self) -> str:
        """Return the part of a page that shows this view."""
        body = (
            f'<p class="rb-hint">{HINTS[self._kind]}'
            " bertviz counts layers and heads from 0.</p>\n"
            '<p class="rb-plain">On a screen with JavaScript, bertviz draws'
            f" here the weights of {escape(self._figure)}.</p>\n"
            '<div class="rb-box"><div class="rb-view"></div></div>\n'
        )
        view = inline.html("bertviz", self._title, body, self._data)
        return _script("d3") + _script(self._kind) + view

    def __repr__(self) -> str:
        """Return its kind and its title."""
        return f"bertviz, {self._kind} view: {self._title}"

    def _repr_mimebundle_(self, **options: object) -> dict[str, str]:
        """Give a notebook the page and, for a terminal, one line."""
        return {"text/plain": repr(self), "text/html": self.html()}


def head_view(
    attention: object,
    source: Iterable[str],
    target: Iterable[str] | None = None,
    *,
    second: int | None = None,
    layer: int = 0,
    heads: Sequence[int] | None = None,
    title: str = "The heads of a layer",
    figure: str = "the figure above",
) -> View:
    """Show the heads of one layer as bundles of lines between two columns.

    Args:
        attention: Weights of one sentence, as tensor, array or nested list:
            of tokens that look at each other, shape (layers, H, S, S); of
            target tokens that look at source tokens, (layers, H, T, S); or
            all three of a Transformer, as `encoder`, `decoder` and `cross`
            of a named tuple. A batch of one may stand in front.
        source: S tokens.
        target: T tokens that look at the source; None: the source itself.
        second: Where the second sentence of a pair begins in the source;
            then a menu has the four parts of the pair.
        layer: The layer that is shown first, from 0.
        heads: The heads that are shown first, from 0; None: all.
        title: One line above the view.
        figure: What else shows these weights, for paper.

    Returns:
        The view; as the last line of a cell it shows itself.

    Raises:
        ValueError: If shapes and tokens do not fit, a weight is negative, a
            row does not sum to 1, or a layer or a head is not there.
    """
    from reinvent.toolbox.vendored.bertviz import head_view as draw

    arguments, (layers, num_heads) = given.view_arguments(
        attention, source, target, second
    )
    given.check_place("layer", layer, layers)
    for head in heads or ():
        given.check_place("head", head, num_heads)
    shown = {"layer": layer, "heads": list(heads) if heads else None}
    page = _page(draw, **arguments, **shown, prettify_tokens=False)
    return View("head", *given.take_apart(page), title, figure)


def model_view(
    attention: object,
    source: Iterable[str],
    target: Iterable[str] | None = None,
    *,
    second: int | None = None,
    title: str = "All layers and heads",
    figure: str = "the figure above",
) -> View:
    """Show every head of every layer as a small picture to enlarge.

    Args:
        attention: As for `head_view`.
        source: S tokens.
        target: T tokens that look at the source; None: the source itself.
        second: As for `head_view`.
        title: One line above the view.
        figure: What else shows these weights, for paper.

    Returns:
        The view; as the last line of a cell it shows itself.

    Raises:
        ValueError: As `head_view`.
    """
    from reinvent.toolbox.vendored.bertviz import model_view as draw

    arguments, _ = given.view_arguments(attention, source, target, second)
    light = {"display_mode": "light", "prettify_tokens": False}
    page = _page(draw, **arguments, **light)
    return View("model", *given.take_apart(page), title, figure)


def neuron_view(
    attention: object,
    query: object,
    key: object,
    source: Iterable[str],
    target: Iterable[str] | None = None,
    *,
    layer: int = 0,
    head: int = 0,
    title: str = "From query and key to weight",
    figure: str = "the figure above",
) -> View:
    """Show how the numbers of a query and a key make a weight.

    The scores that bertviz draws are divided by sqrt(K); the weights are the
    given ones.

    Args:
        attention: Weights of one sentence, shape (layers, H, T, S).
        query: Queries, shape (layers, H, T, K); see `queries_and_keys`.
        key: Keys, shape (layers, H, S, K).
        source: S tokens.
        target: T tokens that look at the source; None: the source itself.
        layer: The layer that is shown first, from 0.
        head: The head that is shown first, from 0.
        title: One line above the view.
        figure: What else shows these weights, for paper.

    Returns:
        The view; as the last line of a cell it shows itself.

    Raises:
        ValueError: As `head_view`, and if queries and keys do not fit.
    """
    from reinvent.toolbox.vendored.bertviz.neuron_view import show

    source = given.cut(source, "source")
    target = source if target is None else given.cut(target, "target")
    weights = given.checked(attention, target, source)
    known = given.KnownSentence(weights, query, key)
    given.check_place("layer", layer, len(weights))
    given.check_place("head", head, weights.shape[2])
    options = {"layer": layer, "head": head, "display_mode": "light"}
    page = _page(show, known, "gpt2", known, "a sentence", **options)
    markup, params = given.take_apart(page)
    params["attention"]["all"] |= {"left_text": target, "right_text": source}
    params["bidirectional"] = bool(weights.triu(1).any())
    return View("neuron", markup, params, title, figure)


def queries_and_keys(
    attentions: Iterable[nn.Module], run: Callable[[], object]
) -> tuple[Tensor, Tensor]:
    """Return the queries and the keys that a model makes, for `neuron_view`.

    Args:
        attentions: One for each layer, with `to_query`, `to_key` and `split`
            as `MultiHeadAttention` has them.
        run: Calls the model with one sentence.

    Returns:
        Queries of shape (1, layers, H, T, K), keys of (1, layers, H, S, K),
        those of the last call if an attention is called more than once.

    Raises:
        ValueError: If `run` leaves out an attention.
    """
    attentions, kept, hooks = list(attentions), {}, []
    for attention in attentions:
        for part in (attention.to_query, attention.to_key):

            def keep(part, given, result, split=attention.split):
                kept[part] = split(result.detach())

            hooks.append(part.register_forward_hook(keep))
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    if len(kept) != len(hooks):
        raise ValueError(
            f"run called {len(kept)} of {len(hooks)} maps to queries and keys"
        )
    query = [kept[attention.to_query] for attention in attentions]
    key = [kept[attention.to_key] for attention in attentions]
    return torch.stack(query, dim=1), torch.stack(key, dim=1)


def _page(draw: Callable, *arguments: object, **options: object) -> str:
    """Return what bertviz writes; it does not close the files it reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        return draw(*arguments, **options, html_action="return").data


@cache
def _script(part: str) -> str:
    """Return d3, or the JavaScript of a view, for `bertviz.js` to find.

    A view asks for its libraries and parameters by global names; a function
    around it gives them. Its addresses of libraries, its comments and its
    indentation stay behind.
    """
    folder = Path(__file__).with_name("vendored")
    if part == "d3":
        text = (folder / "d3" / "d3.min.js").read_text(encoding="utf-8")
        text = f"{D3}()=>{{{text}return d3}})()"
    else:
        file = folder / "bertviz" / f"{part}_view.js"
        text = file.read_text(encoding="utf-8")
        text = re.sub(r"(?s)require\.config\(.*?\n\}\);", "", text)
        text = re.sub(r"(?m)^\s*//.*\n|^\s+|[ \t]+// .*$", "", text)
        text = f"{VIEW}{text}\n}}"
    return (
        '<script class="rb-script">'
        f"(window.__reinventParts=window.__reinventParts||{{}}).{part}={text};"
        "</script>\n"
    )
