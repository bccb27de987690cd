"""The playground: a slider that teaches.

In a notebook::

    from reinvent.toolbox.playground import Playground
    Playground(
        lambda temperature: softmax(scores / temperature),
        {"temperature": [0.1, 0.5, 1, 2, 5]},
        start={"temperature": 1},
        labels=["the", "red", "house"],
    )

The function is called here, once for each setting of the sliders; the page
gets the numbers and plays them back. So it lives without a kernel: see
`inline`. Where a kernel runs, `live()` calls the function anew each time.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any

import numpy as np

from reinvent.toolbox import inline
from reinvent.toolbox import playground_input as given
from reinvent.toolbox import playground_picture as drawn
from reinvent.toolbox.playground_look import limits as hold
from reinvent.toolbox.playground_look import make_look


class Playground:
    """Bars or lines that one or two sliders move, and a sentence on them."""

    def __init__(
        self,
        frame: Callable,
        sliders: Mapping[str, Iterable],
        *,
        start: Mapping[str, object] | None = None,
        title: str = "Playground",
        kind: str = "bars",
        labels: Iterable | None = None,
        xlabel: str = "",
        ylabel: str = "",
        limits: Sequence[float] | None = None,
        digits: int | None = None,
        unit: str = "",
        text: str | Callable | None = None,
    ) -> None:
        """Call `frame` at every setting and keep what it returns.

        Args:
            frame: Called with one value of each slider, by name. Returns
                numbers, one for each bar, or a dict from the name of each
                line to its numbers. Lists, arrays and tensors will do.
            sliders: For one or two names the values, from left to right:
                numbers that grow, or words.
            start: For each name the value at the start; else the first.
            title: One line above the picture.
            kind: "bars" or "lines".
            labels: Names of the bars, or of the points of the lines; where
                those are numbers, the points stand at their places.
            xlabel: What `labels` are, for lines.
            ylabel: What the numbers are.
            limits: The ends of the scale; else those of all frames. The
                scale is the same at every setting.
            digits: Digits after the point; else as many as can be seen.
            unit: What follows each number, such as "%".
            text: What is seen, in words: a format string with the names of
                the sliders and `values`, what `frame` returned; or a
                function, called with `values` and the sliders by name.

        Raises:
            ValueError: If a slider, a label or what `frame` or `text` gave
                does not fit, there are more than 2,000 settings, or a number
                is NaN or infinite; what and where is named.
        """
        if kind not in ("bars", "lines"):
            raise ValueError(f'kind is "bars" or "lines", not {kind!r}')
        self._frame, self._text = frame, text
        self._sliders = given.sliders(sliders, start or {})
        self._title = inline.visible(title)
        ranges = [range(len(slider.values)) for slider in self._sliders]
        self._places = list(itertools.product(*ranges))
        frames = self._frames(kind)
        numbers = np.stack([frame.numbers for frame in frames])
        self._look = make_look(
            numbers,
            frames[0].names,
            kind,
            given.labels(labels, numbers.shape[-1]),
            limits,
            digits,
            (unit, xlabel, ylabel),
        )
        self._numbers = self._look.rounded(numbers)
        self._texts = [
            self._say(frame, place)
            for frame, place in zip(frames, self._places, strict=True)
        ]
        self._start = self._places.index(
            tuple(slider.start for slider in self._sliders)
        )

    def _frames(self, kind: str) -> list[given.Frame]:
        """Call the function at every setting; all must have one shape."""
        frames = []
        for place in self._places:
            settings = self._settings(place)
            frames.append(given.frame(self._frame, settings, kind))
            given.same_shape(frames[0], frames[-1], settings)
            count = len(self._places) * frames[0].numbers.size
            if count > given.NUMBERS:
                raise ValueError(
                    f"{len(self._places):,} frames of "
                    f"{frames[0].numbers.size:,} numbers make {count:,}; "
                    f"the most is {given.NUMBERS:,}"
                )
        return frames

    def _settings(self, place: Iterable[int]) -> dict[str, object]:
        """Return the values of the sliders at one place."""
        pairs = zip(self._sliders, place, strict=True)
        return {slider.name: slider.values[at] for slider, at in pairs}

    def _named(self, place: Iterable[int]) -> str:
        """Return a setting in words: "temperature 0.5"."""
        pairs = zip(self._sliders, place, strict=True)
        return ", ".join(
            f"{slider.name} {slider.shown[at]}" for slider, at in pairs
        )

    def _say(self, frame: given.Frame, place: Iterable[int]) -> str:
        """Say what is seen: in the author's words, else plainly."""
        said = given.sentence(self._text, frame, self._settings(place))
        return (
            drawn.plainly(self._look, frame.numbers) if said is None else said
        )

    def html(self) -> str:
        """Return the part of a page that shows this playground."""
        look, start = self._look, self._numbers[self._start]
        setting = self._named(self._places[self._start])
        body = (
            f'<p class="rb-setting">{escape(setting)}</p>\n'
            + drawn.picture(look, start, start)
            + self._note()
            + '<p class="rb-status" role="status" aria-live="polite">'
            f"{escape(self._texts[self._start])}</p>\n"
            '<details class="rb-fold" open><summary>As a table</summary>\n'
            f"{self._table()}</details>\n"
        )
        return inline.html("playground", self._title, body, self._data())

    def _note(self) -> str:
        """Say what the thin mark on each bar is."""
        if self._look.kind != "bars":
            return ""
        setting = escape(self._named(self._places[self._start]))
        return (
            '<p class="rb-note"><i class="rb-was"></i> '
            f"at the start: {setting}</p>\n"
        )

    def _table(self) -> str:
        """Show the smallest setting, the start and the largest."""
        chosen = sorted({0, self._start, len(self._places) - 1})
        return drawn.as_table(
            self._look,
            [
                (
                    self._named(self._places[at])
                    + (" (start)" if at == self._start else ""),
                    self._numbers[at],
                    self._texts[at],
                )
                for at in chosen
            ],
        )

    def _data(self) -> str:
        """Return everything that the script needs."""
        look = self._look
        data = {
            "sliders": [
                {"name": s.name, "values": s.shown, "start": s.start}
                for s in self._sliders
            ],
            "frames": self._numbers.reshape(len(self._places), -1).tolist(),
            "texts": self._texts,
            "limits": look.limits,
            "digits": look.digits,
            "unit": look.unit,
        }
        if look.kind == "lines":
            data["across"] = drawn.positions(look.labels)
        return inline.packed(data)

    def live(self) -> Any:
        """Return the same playground as ipywidgets that ask the function.

        For a notebook that runs, not for one that is stored: without its
        kernel the sliders would move and change nothing. What the function
        reads may change meanwhile; an error in it is shown in its place.

        Raises:
            ModuleNotFoundError: If ipywidgets is not installed.
        """
        widgets = _ipywidgets()
        page = widgets.HTML()
        knobs = [
            widgets.SelectionSlider(
                options=list(
                    zip(slider.shown, range(len(slider.values)), strict=True)
                ),
                value=slider.start,
                description=slider.name,
                style={"description_width": "initial"},
                layout={"width": "26rem", "max_width": "100%"},
            )
            for slider in self._sliders
        ]

        def draw(change: object = None) -> None:
            page.value = self._now([knob.value for knob in knobs])

        for knob in knobs:
            knob.observe(draw, names="value")
        draw()
        return widgets.VBox([*knobs, page])

    def _now(self, place: Sequence[int]) -> str:
        """Call the function at one setting; return what to show."""
        start = self._numbers[self._start]
        try:
            look = self._look
            frame = given.frame(self._frame, self._settings(place), look.kind)
            given.same_shape(
                given.Frame(look.names, start, []),
                frame,
                self._settings(place),
            )
            low, high = look.limits
            ends = np.append(frame.numbers, look.limits)
            if not low <= ends.min() <= ends.max() <= high:
                wider = hold(ends, look.kind, None)
                look = replace(look, limits=wider)
            numbers = look.rounded(frame.numbers)
            body = drawn.picture(look, numbers, start) + self._note()
            said = self._say(frame, place)
        except Exception as error:  # the reader's function may raise any
            body, said = "", f"{type(error).__name__}: {error}"
        style, _ = inline.assets("playground")
        return (
            f"<style>{style}</style>\n"
            '<div class="rb-playground rb-live" data-rb="live">\n'
            f'<p class="rb-title">{escape(self._title)}</p>\n{body}'
            f'<p class="rb-status">{escape(said)}</p>\n</div>\n'
        )

    def __repr__(self) -> str:
        """Return the title and what the sliders do."""
        ranges = [
            f"{slider.name} {slider.shown[0]} to {slider.shown[-1]}"
            for slider in self._sliders
        ]
        return f"Playground: {self._title} ({', '.join(ranges)})"

    def _repr_mimebundle_(self, **options: object) -> dict[str, str]:
        """Give a notebook the page and, for a terminal, one line."""
        return {"text/plain": repr(self), "text/html": self.html()}


def _ipywidgets() -> Any:
    """Import ipywidgets, which only a running notebook needs."""
    try:
        import ipywidgets
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "live() needs ipywidgets, which is not installed: "
            "pip install ipywidgets. The playground itself works without."
        ) from error
    return ipywidgets
