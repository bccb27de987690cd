"""Hold every shape comment true.

A statement of a module may end in a comment that gives the shape of what it
assigns or returns. The tool reads these comments, runs the module's examples
under `sys.settrace`, and compares each comment with what was there when its
statement had ended. A comment that lies, or that never ran, is a problem.

The grammar of a comment, whole::

    comment = "#" shapes [("," | ":") words]
    shapes  = one {";" one}           for several targets or a tuple
    one     = [size "x"] "(" [size {"," size}] ")"      3 x (B, D): a list
    size    = "..." | term {("+" | "-") term}           T + 1
    term    = number | [number] letter {"*" letter}     4D, H*K

The letters are those of the legend in `reinvent/__init__.py`; what has no
letter there is a word of small letters, such as `layers`. Each example gives
a different prime to each, so that no wrong letter can pass. A letter whose
size changes from call to call (the queries of a growing memory)
gets None: it must then stay the same within each call.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from types import FrameType

LETTER = r"(?:[A-Z]|[a-z]{2,})"
TERM = rf"(?:\d*{LETTER}(?: ?\* ?{LETTER})*|\d+)"
SIZE = rf"(?:\.\.\.|{TERM}(?: ?[+-] ?{TERM})*)"
ONE = rf"(?:{SIZE} x )?\((?:{SIZE}(?:, *{SIZE})*,?)?\)"
COMMENT = re.compile(rf"#\s*({ONE}(?:; *{ONE})*)(?:[,:] .*)?$")
INSIDE = {"<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>", "<lambda>"}


@dataclass(frozen=True)
class Example:
    """Sizes by letter, and a function that runs code with these sizes."""

    sizes: Mapping[str, int | None]
    run: Callable[[], object]


@dataclass(frozen=True)
class Claim:
    """A shape comment: the lines of its statement and what it says."""

    first: int
    last: int
    text: str
    shapes: tuple[str, ...]
    targets: tuple[str, ...] = ()
    returns: bool = False


@dataclass
class Recorder:
    """A tracer that notes the shapes that each claim met.

    Attributes:
        path: The module that is watched.
        claims: Its claims.
        calls: For each call of a function, in order: each claim that ran
            with the shapes of what its statement left behind.
    """

    path: str
    claims: Sequence[Claim]
    calls: dict[FrameType, list] = field(default_factory=dict)
    pending: dict[FrameType, Claim] = field(default_factory=dict)

    def call(self, frame: FrameType, event: str, value: object) -> object:
        """Trace the functions of this module and no other."""
        code = frame.f_code
        mine = code.co_filename == self.path and code.co_name not in INSIDE
        return self.line if mine else None

    def line(self, frame: FrameType, event: str, value: object) -> object:
        """Note a claim when its statement has ended."""
        if event == "exception":
            self.pending.pop(frame, None)
            return self.line
        number = frame.f_lineno
        claim = self.pending.get(frame)
        # A return inside `with` visits other lines before it returns.
        ended = event == "return" or (
            claim
            and not claim.returns
            and not claim.first <= number <= claim.last
        )
        if claim and ended:
            del self.pending[frame]
            self.note(claim, frame, event, value)
        if event == "line":
            for claim in self.claims:
                if claim.first <= number <= claim.last:
                    self.pending[frame] = claim
        return self.line

    def note(
        self, claim: Claim, frame: FrameType, event: str, value: object
    ) -> None:
        """Store the shapes of what the statement assigned or returned."""
        if not claim.returns:
            values = [
                eval(target, frame.f_globals, frame.f_locals)
                for target in claim.targets
            ]
        elif len(claim.shapes) > 1:
            values = list(value)
        else:
            values = [value]
        if len(values) > 1 and " x " in claim.shapes[0]:
            values = [values]
        pairs = zip(values, claim.shapes, strict=False)
        found = tuple(shape(v, " x " in text) for v, text in pairs)
        self.calls.setdefault(frame, []).append((claim, found))


def shape(value: object, several: bool = False) -> object:
    """The shape of a value; of a list its length and its parts' shapes."""
    if several and isinstance(value, (list, tuple)):
        return (len(value), frozenset(shape(part) for part in value))
    if hasattr(value, "shape"):
        return tuple(value.shape)
    if isinstance(value, (list, tuple)):
        inner = {shape(part) for part in value}
        one = inner.pop() if len(inner) == 1 else ()
        return (len(value), *one) if isinstance(one, tuple) else type(value)
    return () if isinstance(value, (bool, int, float)) else type(value)


def read_claims(source: str) -> tuple[list[Claim], list[str]]:
    """Return the shape comments of a module, and those it cannot read.

    A comment behind code that begins with a bracket must be a shape: a
    misspelled one would otherwise never be checked.
    """
    statements = [
        node for node in ast.walk(ast.parse(source)) if _simple(node)
    ]
    claims, problems = [], []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        row, column = token.start
        if not token.line[:column].strip():
            continue
        match = COMMENT.match(token.string)
        if match is None:
            if re.match(r"#\s*(\S+ x )?\(", token.string):
                problems.append(f"line {row}: {token.string} is not a shape")
            continue
        around = [s for s in statements if s.lineno <= row <= s.end_lineno]
        statement = max(around, key=lambda s: s.lineno, default=None)
        claim = statement and _claim(statement, row, match.group(1))
        if claim is None:
            problems.append(
                f"line {row}: {token.string} does not end a statement that"
                " assigns or returns"
            )
        else:
            claims.append(claim)
    return claims, problems


def _simple(node: ast.AST) -> bool:
    kinds = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return)
    return isinstance(node, kinds) and node.value is not None


def _claim(statement: ast.stmt, row: int, text: str) -> Claim | None:
    """The claim of a comment at the end of this statement, or None."""
    if row != statement.end_lineno:
        return None
    targets = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets[:1]
        if isinstance(targets[0], ast.Tuple):
            targets = targets[0].elts
    elif not isinstance(statement, ast.Return):
        targets = [statement.target]
    shapes = tuple(part.strip() for part in text.split(";"))
    if targets and len(shapes) > len(targets):
        return None
    return Claim(
        statement.lineno,
        row,
        text,
        shapes,
        tuple(map(ast.unparse, targets)),
        isinstance(statement, ast.Return),
    )


def size(text: str, sizes: Mapping[str, int]) -> int:
    """The number that a size such as `2D`, `T + 1` or `H*K` stands for.

    Raises:
        KeyError: If a letter is not among the sizes.
    """
    total = 0
    for sign, number, letters in re.findall(
        rf"([+-]?) ?(\d*)((?:{LETTER}(?: ?\* ?)?)*)", text
    ):
        if number or letters:
            values = [sizes[letter] for letter in re.findall(LETTER, letters)]
            value = int(number or 1) * prod(values)
            total += -value if sign == "-" else value
    return total


def agrees(text: str, found: object, sizes: dict[str, int | None]) -> bool:
    """Whether one shape of a comment is the shape that was found.

    A letter of size None takes the size that it meets first.
    """
    if " x " in text:
        count, text = text.split(" x ")
        if not isinstance(found, tuple) or len(found[1:]) != 1:
            return False
        (length, parts) = found
        return length == size(count, sizes) and all(
            agrees(text, part, sizes) for part in parts
        )
    if not isinstance(found, tuple):
        return False
    expected = [p.strip() for p in text.strip("()").split(",") if p.strip()]
    if expected[:1] == ["..."]:
        expected = expected[1:]
        found = found[max(len(found) - len(expected), 0) :]
    if len(expected) != len(found):
        return False
    for part, number in zip(expected, found, strict=True):
        if part in sizes and sizes[part] is None:
            sizes[part] = number
    return all(
        size(part, sizes) == number
        for part, number in zip(expected, found, strict=True)
    )


def check(path: Path, examples: Iterable[Example]) -> list[str]:
    """Return what is wrong with the shape comments of a module; [] is good.

    Args:
        path: The module's file, as it was imported.
        examples: At least one for each comment; each must hold in all.
    """
    claims, problems = read_claims(path.read_text(encoding="utf-8"))
    ran = set()
    for example in examples:
        recorder = Recorder(str(path), claims)
        before = sys.gettrace()
        sys.settrace(recorder.call)
        try:
            example.run()
        finally:
            sys.settrace(before)
        for call in recorder.calls.values():
            sizes = dict(example.sizes)
            for claim, found in call:
                ran.add(claim)
                problems += _compare(claim, found, sizes)
    problems += [
        f"line {claim.last}: # {claim.text} never ran"
        for claim in claims
        if claim not in ran
    ]
    return sorted(
        dict.fromkeys(problems), key=lambda p: int(re.findall(r"\d+", p)[0])
    )


def _compare(
    claim: Claim, found: tuple, sizes: dict[str, int | None]
) -> list[str]:
    """The problems of one claim with the shapes of one run."""
    where = f"line {claim.last}: # {claim.text}"
    try:
        true = len(found) == len(claim.shapes) and all(
            agrees(text, one, sizes)
            for text, one in zip(claim.shapes, found, strict=True)
        )
    except KeyError as letter:
        return [f"{where}: the example has no size for {letter}"]
    shown = "; ".join(map(str, found))
    return [] if true else [f"{where}, but it is {shown} with {sizes}"]
