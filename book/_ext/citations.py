"""The style of the bibliography: in the order of the file, by name and year.

References in the text and labels in the list are the same words, so nobody
has to look up a number.
"""

from collections.abc import Iterable, Iterator

from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style
from pybtex.style.labels import BaseLabelStyle
from sphinx.application import Sphinx


class NameAndYear(BaseLabelStyle):
    """Labels such as `Luong et al. 2015`."""

    def format_labels(self, sorted_entries: Iterable[Entry]) -> Iterator[str]:
        """Return one label for each entry; a key's last letter stays."""
        for entry in sorted_entries:
            names = [
                " ".join([*person.prelast_names, *person.last_names])
                for person in entry.persons["author"]
            ]
            if len(names) > 2:
                names = [f"{names[0]} et al."]
            letter = entry.key[-1] if entry.key[-1].isalpha() else ""
            who = " and ".join(names)
            yield f"{who} {entry.fields['year']}{letter}"


class InOrder(Style):
    """Entries in the order of the file."""

    default_label_style = "name_and_year"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the style as `in_order`."""
    register_plugin("pybtex.style.labels", "name_and_year", NameAndYear)
    register_plugin("pybtex.style.formatting", "in_order", InOrder)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
