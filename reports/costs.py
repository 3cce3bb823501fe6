"""Costs of this implementation, counted at the paper's size: operations that it executes, and memory of a training."""

from typing import NamedTuple

from experiments.spec.metrics import Computed, Measured
from experiments.spec.run import RunConfig
from experiments.spec.table import one_line
from reports.pages.markup import Markdown
from reports.pages.report import Report
from reports.pages.table_texts import row_names
from runner.measure.computed_values import computed

EXECUTED, SAVED = "executed", "saved_for_backward"  # names of computed values
WAITING = "waiting for data, % of the training"
# By the start of a kind of cost.
MEANINGS = {
    "executed": "Executed: multiply-adds of ours for the same result; a column of GFLOPs counts the published "
    "formulation.",
    "saved": "Saved: tensors that a training keeps for the backward pass in float32, not the printed peak.",
    "waiting": "Waiting: share of the time of a training for which its loop waited for the next batch.",
}


class Cost(NamedTuple):
    """Cost of a row: GFLOPs executed for the same result, GB saved for the backward pass of an item, or waiting."""

    row: str
    column: str
    kind: str
    value: str


def costs_of(report: Report) -> list[Cost]:
    """Costs beside the columns that count the published formulation, those of memory, and those of trained runs.

    Runs with overrides execute other operations than the models of the paper.
    """
    names, costs, waits = row_names(report.table), [], dict[str, Cost]()
    for cell in report.cells:
        run, metric, header = cell.cell.paper_run, cell.metric, one_line(cell.column.header)
        if run is not None and isinstance(metric, Computed) and metric.executed and not report.overrides:
            executed = f"{computed(EXECUTED, metric.executed, run):.1f}"
            costs.append(Cost(names[cell.row.key], header, "executed, GFLOPs", executed))
        if run is not None and isinstance(metric, Measured) and metric.kind == "memory":
            costs.append(Cost(names[cell.row.key], header, f"saved for one {run.data.size.kind}, GB", _gigabytes(run)))
        for result in cell.seeds:
            if result.test is not None and (share := result.test.record.waiting_share) is not None:
                waits.setdefault(result.run.train_id, Cost(names[cell.row.key], header, WAITING, f"{100 * share:.0f}"))
    return [*costs, *waits.values()]


def _gigabytes(run: RunConfig) -> str:
    """Size of the tensors saved for backward in units of 10^9 bytes, with two digits or more."""
    from runner.measure.memory import saved_for_backward  # here: it loads what trains

    num_bytes = int(computed(SAVED, saved_for_backward, run))
    return f"{num_bytes / 1e9:.2f}" if num_bytes >= 1e8 else f"{num_bytes / 1e9:.2g}"


def costs_text(report: Report, markup: Markdown) -> str:
    """Folded table of the costs; empty without any."""
    costs = costs_of(report)
    lines = [[markup.escaped(text) for text in cost] for cost in costs]
    meaning = " ".join(text for kind, text in MEANINGS.items() if any(cost.kind.startswith(kind) for cost in costs))
    table = markup.table([["row", "column", "cost of ours", "value"]], lines, ["left", "left", "left", "right"])
    return markup.folded("Costs of this implementation", markup.paragraph(meaning), table) if costs else ""
