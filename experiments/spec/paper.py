"""A paper: its title and address, its drawings, and what all of its tables share."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from experiments.spec.claims import Claim
from experiments.spec.figures import Figure
from experiments.spec.scales import Recipe
from experiments.spec.table import Column, Header, Row, Table


@dataclass(frozen=True, kw_only=True)
class Paper:
    """A paper. Its `table` makes a table from what is particular to it."""

    key: str
    title: str
    url: str
    source: str
    """Start of the source of each table, e.g. `arXiv:2106.05392`."""
    without_numbers: Mapping[str, str] = field(default_factory=dict)
    """Captions of drawings, which contain nothing to reproduce, by name."""

    def table(
        self,
        name: str,
        caption: str,
        *,
        labels: tuple[Header, ...],
        columns: tuple[Column, ...],
        rows: tuple[Row, ...],
        notes: tuple[str, ...] = (),
        claims: tuple[Claim, ...] = (),
        source: str | None = None,
        recipes: Mapping[str, Recipe] | None = None,
        figure: Figure | None = None,
        scaled_figures: Mapping[str, Figure] | None = None,
        pretraining: str | None = None,
    ) -> Table:
        """Table of the paper. Its source is, by default, its name as printed: `Table 1a` of table1a."""
        printed_name = name.replace("table", "Table ").replace("figure", "Figure ")
        return Table(
            name=f"{self.key}/{name}",
            caption=caption,
            source=source or f"{self.source}, {printed_name}",
            labels=labels,
            columns=columns,
            rows=rows,
            recipes=recipes or {},
            notes=notes,
            figure=figure,
            scaled_figures=scaled_figures or {},
            pretraining=pretraining,
            claims=claims,
        )
