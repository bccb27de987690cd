"""A small world: people walk, take things and put them down.

`reinvent.toolbox.stories.generate_stories` tells what happens in it. The
words are those of the first three bAbI tasks.
"""

from __future__ import annotations

from random import Random

Words = tuple[str, ...]
Asked = tuple[Words, str, tuple[int, ...]]  # question, answer, facts

PEOPLE = ("Daniel", "John", "Mary", "Sandra")
PLACES = ("bathroom", "bedroom", "garden", "hallway", "kitchen", "office")
OBJECTS = ("apple", "football", "milk")
MOVES = ("journeyed", "moved", "travelled", "went", "went back")
TAKES = ("got", "grabbed", "picked up", "took")
DROPS = ("discarded", "dropped", "left", "put down")


class World:
    """People who walk, take things and put them down.

    A story tells nothing of the start, so nobody is anywhere until a
    statement says so, and a thing lies wherever it is first picked up.
    """

    def __init__(self, rng: Random) -> None:
        """See the class."""
        self.rng = rng
        self.told: list[Words] = []
        self.moves: dict[str, list[tuple[str, int]]] = {p: [] for p in PEOPLE}
        self.holder: dict[str, str] = {}  # object: who has it
        self.lies: dict[str, str] = {}  # object: place where it was put
        self.seen: dict[str, list[str]] = {o: [] for o in OBJECTS}
        self.event: dict[str, int] = {}  # object: last take or drop
        self.trail: dict[str, list[tuple[str, int]]] = {}  # moves with it

    def go_on(self, with_objects: bool) -> None:
        """Let somebody do something and tell it."""
        person = self.rng.choice(PEOPLE)
        place = self.moves[person][-1][0] if self.moves[person] else None
        held = [o for o in OBJECTS if self.holder.get(o) == person]
        near = [
            o
            for o in OBJECTS
            if o not in self.holder and self.lies.get(o, place) == place
        ]
        draw = self.rng.random()
        if held and draw < 0.25:
            self.drop(person, self.rng.choice(held), place)
        elif with_objects and place and near and draw < 0.6:
            self.take(person, self.rng.choice(near), place)
        else:
            self.move(person, place, held)

    def move(self, person: str, place: str | None, held: list[str]) -> None:
        """Let a person walk somewhere else, with all that is held."""
        goal = self.rng.choice([p for p in PLACES if p != place])
        for thing in held:
            self.trail[thing].append((goal, len(self.told)))
            self.seen[thing].append(goal)
        self.moves[person].append((goal, len(self.told)))
        self.tell(person, self.rng.choice(MOVES), "to the", goal)

    def take(self, person: str, thing: str, place: str) -> None:
        """Let a person pick something up."""
        self.event[thing] = len(self.told)
        self.holder[thing] = person
        if thing not in self.lies:
            self.seen[thing].append(place)
        self.trail[thing] = []
        self.tell(person, self.rng.choice(TAKES), "the", thing, self.there())

    def drop(self, person: str, thing: str, place: str) -> None:
        """Let a person put something down."""
        self.event[thing] = len(self.told)
        del self.holder[thing]
        self.lies[thing] = place
        self.tell(person, self.rng.choice(DROPS), "the", thing, self.there())

    def there(self) -> str:
        """Return what may stand behind the thing: "there", or nothing."""
        return self.rng.choice(("", "there"))

    def tell(self, *parts: str) -> None:
        """Write down a statement."""
        self.told.append(tuple(" ".join(parts).split()))

    def ask(self, facts: int) -> Asked | None:
        """Ask something that the story answers with so many facts.

        Returns:
            Question, answer and facts as positions in `told`; None if
            nothing of the kind can be asked yet.
        """
        if facts == 1:
            known = [person for person in PEOPLE if self.moves[person]]
            person = self.rng.choice(known)
            answer, fact = self.moves[person][-1]
            return ("Where", "is", person), answer, (fact,)
        ask = self.ask_where if facts == 2 else self.ask_before
        things = self.rng.sample(list(self.event), len(self.event))
        return next(filter(None, map(ask, things)), None)

    def ask_before(self, thing: str) -> Asked | None:
        """Ask where a thing was before it came to some place."""
        event, trail = self.event[thing], self.trail[thing]
        # The place must be one where the thing has been only once.
        pairs = [
            (before, after)
            for before, after in zip(trail, trail[1:], strict=False)
            if self.seen[thing].count(after[0]) == 1
        ]
        if not pairs:
            return None
        (answer, first), (place, second) = self.rng.choice(pairs)
        asked = ("Where", "was", "the", thing, "before", "the", place)
        return asked, answer, (event, second, first)

    def ask_where(self, thing: str) -> Asked | None:
        """Ask where a thing is."""
        event, trail = self.event[thing], self.trail[thing]
        if thing in self.holder and not trail:
            return None  # the official files ask only after a move
        person = self.told[event][0]
        before = [move for move in self.moves[person] if move[1] < event]
        answer, fact = trail[-1] if thing in self.holder else before[-1]
        return ("Where", "is", "the", thing), answer, (event, fact)
