"""Publication of the results of a report in the repository."""

from experiments.spec.attention_queries import queried
from experiments.spec.figure_runs import answered_runs
from experiments.spec.shown_sequences import shown_sequences
from reports.pages.report import Report
from runner.inference.answers import publish_clips
from runner.store.attention_files import maps_id
from runner.store.mask_strip_files import strip_id
from runner.store.store import RunStore


def publish(report: Report, store: RunStore) -> int:
    """Copy the small result files of a report that are not published yet. Returns the number of tests.

    Raises:
        StoreError: if they cannot be written.
    """
    results = {
        (result.train_id, result.eval_id)
        for row in report.rows
        for cell in row.cells
        for result in cell.seeds
        if result.source is not None and not result.source.published
    }
    for train_id, eval_id in sorted(results):
        store.publish(train_id, eval_id)
    for train_id, kind in set(report.facts.measurements):
        store.publish_measurement(train_id, kind)
    cells = report.table.cells(report.scale, overrides=report.overrides, seeds=report.seeds)
    for _, run, query in queried(report.table.figure, cells):
        if run.data.dataset.stand_in is not None:  # frames of real videos must not be published
            store.publish_attention_maps(run.train_id, maps_id(run, query))
    for shown in shown_sequences(report.table.figure, cells):
        if shown.run.data.dataset.stand_in is not None:
            store.publish_mask_strip(shown.run.train_id, strip_id(shown))
    for _, run in answered_runs(report.table.figure, cells):
        if run.data.dataset.stand_in is not None:
            publish_clips(run, store)
    return len(results)
