"""The explorer: attention that you can point at.

    from reinvent.toolbox.explorer import Explorer
    Explorer(weights, source=["the", "red", "house"], target=["la", "maison"])

A notebook shows it by itself, and a static page does, without a kernel: see
`inline`. Its look is `explorer.css`, what it does `explorer.js`.
"""

from collections.abc import Iterable, Mapping, Sequence

from reinvent.toolbox import explorer_input as given
from reinvent.toolbox import inline
from reinvent.toolbox.explorer_table import map_table, rows_table


class Explorer:
    """Attention weights and their tokens, to look at with mouse or keys.

    Choose layer and head; point at a token to see where it looks, or who
    looks at it; click or press Enter to pin, Esc to let go; step through the
    target one token at a time.
    """

    def __init__(
        self,
        weights: object,
        source: object,
        target: object = None,
        *,
        gold: given.Links | None = None,
        title: str = "Attention",
        labels: Mapping[str, object] | None = None,
        normalized: bool = True,
    ) -> None:
        """Take the weights of one model, or of several to compare.

        Args:
            weights: Tensor, array or nested list of shape (T, S), (layers,
                T, S) or (layers, heads, T, S). A dict from the name of a
                model to its weights shows the models side by side.
            source: S tokens that are looked at. A dict by model where the
                models read different tokens.
            target: T tokens that look, or such a dict; None: the source.
            gold: True links as (source position, target position), from 0;
                or, as in `plots.attention`, a tuple (sure, possible) of two
                collections of links.
            title: One line above the picture.
            labels: What to call things: "source", "target", "layer", "head"
                are words; "layers", "heads" lists of names.
            normalized: False allows rows that do not sum to 1.

        Raises:
            ValueError: If shapes and tokens do not fit, a weight is negative
                or not a number, a row does not sum to 1, or a gold link lies
                outside.
        """
        own = target is None
        target = source if own else target
        words = given.words(own, labels)
        panels, table = [], ""
        for name, numbers in given.models(weights):
            read = given.tokens(given.pick(source, name), "source")
            write = given.tokens(given.pick(target, name), "target")
            array = given.weights(numbers, len(write), len(read), normalized)
            given.check_names(words, array.shape)
            panel = {"name": name, "source": read, "target": write}
            panel |= given.gold_links(gold, read, write)
            table += map_table(panel, array, words)
            panels.append(panel | given.packed(array))
        self._set("map", title, words, panels, table)

    @classmethod
    def compare(
        cls,
        weights: Mapping[str, object],
        source: object,
        target: object = None,
        **options: object,
    ) -> "Explorer":
        """Show several models side by side; arguments as for `Explorer`."""
        if len(weights) < 2:
            raise ValueError(f"compare needs 2 models, got {len(weights)}")
        return cls(weights, source, target, **options)

    @classmethod
    def memories(
        cls,
        weights: object,
        statements: Sequence[object],
        question: object = "",
        answer: object = "",
        *,
        gold: Iterable[int] = (),
        scores: object = None,
        title: str = "Where each hop reads",
        normalized: bool = True,
    ) -> "Explorer":
        """Show a story as rows, and what each hop reads as columns.

        Args:
            weights: (hops, M), or (M,) for one hop; 0 and 1 for hard
                look-ups. A dict from the name of a model to its weights
                shows the hops of several models beside each other.
            statements: M statements, each a string or a list of words.
            question: What was asked, a string or a list of words.
            answer: What the model answered.
            gold: Positions of the supporting facts, in order of reasoning.
            scores: As `weights`: numbers to print below them.
            title: One line above the picture.
            normalized: False allows hops that do not sum to 1.

        Raises:
            ValueError: As for `Explorer`.
        """
        words = {
            "source": "statement",
            "target": "hop",
            "verbs": ["reads", "is read by"],
            "decode": True,
            "question": given.text(question),
            "answer": given.text(answer),
        }
        rows = [given.text(line) for line in statements]
        return cls._rows(weights, rows, words, title, gold, scores, normalized)

    @classmethod
    def mix(
        cls,
        weights: object,
        labels: Sequence[str],
        *,
        title: str = "How much of each layer",
    ) -> "Explorer":
        """Show a scalar mix: how much of each layer a task takes.

        Args:
            weights: (layers,) after the softmax. A dict from the name of a
                task to its weights gives one column per task.
            labels: The names of the layers.
            title: One line above the picture.

        Raises:
            ValueError: As for `Explorer`.
        """
        words = {
            "source": "layer",
            "target": "mix",
            "verbs": ["takes", "is taken by"],
            "decode": False,
        }
        if not isinstance(weights, Mapping):
            weights = {"mix": weights}
        return cls._rows(weights, labels, words, title)

    @classmethod
    def _rows(
        cls,
        weights: object,
        rows: Sequence[str],
        words: dict,
        title: str,
        gold: Iterable[int] = (),
        scores: object = None,
        normalized: bool = True,
    ) -> "Explorer":
        """Make a table with one column for each hop or task."""
        rows = given.tokens(rows, words["source"] + "s")
        names, array = given.columns(
            weights, words["target"], len(rows), normalized
        )
        if scores is not None:
            scores = given.columns(scores, "score", len(rows), None)[1]
            if scores.shape != array.shape:
                raise ValueError(
                    f"scores have shape {scores.shape}, "
                    f"weights have shape {array.shape}"
                )
        facts = given.links([(fact, 0) for fact in gold], rows, [""])
        panel = {"name": "", "source": rows, "target": names}
        panel["gold"] = [fact for fact, _ in facts]
        self = object.__new__(cls)
        table = rows_table(panel, array, words, scores)
        panel |= given.packed(array[None, None])
        self._set("rows", title, words, [panel], table)
        return self

    def _set(
        self, kind: str, title: str, words: dict, panels: list, table: str
    ) -> None:
        """Fix the bytes of the page; the id is made from them."""
        data = {"kind": kind, "words": words, "panels": panels}
        self._data = inline.packed(data)
        self._title, self._table = inline.visible(title), table
        sizes = " and ".join(
            " x ".join(map(str, panel["shape"])) for panel in panels
        )
        self._plain = f"Explorer: {self._title} ({sizes})"

    def html(self) -> str:
        """Return the part of a page that shows this explorer."""
        body = f'<div class="rb-tables">{self._table}</div>\n'
        return inline.html("explorer", self._title, body, self._data)

    def __repr__(self) -> str:
        """Return title and sizes: layers x heads x targets x sources."""
        return self._plain

    def _repr_mimebundle_(self, **options: object) -> dict[str, str]:
        """Give a notebook the page and, for a terminal, one line."""
        return {"text/plain": self._plain, "text/html": self.html()}
