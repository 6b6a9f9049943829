"""What came of an enrollment? Its errors as a file, a page, a picture and an artifact."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext, TaskRunContext

from cadenza.domain.report import RefusalCount, Report
from cadenza.errors import ContractsDisagree
from cadenza.runtime import current
from cadenza.store import database, reports
from data_contracts.batch_report import BITS, recount_batch
from data_contracts.documents import Chapter, Document, Promise, write_document
from data_contracts.plots import plot_refusals
from data_contracts.policy import policy_of
from tasks.retrying import WAITS, waiting_helps

logger = logging.getLogger(__name__)


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def publish_report(batch_id: int) -> Report:
    """Publish the enrollment-error report of a batch, read from what the batch left in the database.

    Everybody in it is exactly one of enrolled, held and refused; Great Expectations counts that again.

    Raises:
        ContractsDisagree: two counts of the same differ.
        NotFound: there is no such batch.
    """
    runtime = current()
    settings = runtime.settings
    folder = settings.home / "reports"
    errors = folder / f"enrollment-errors-{batch_id}.csv"
    with database.transaction(runtime.engine) as connection:
        batch = reports.find_batch(connection, batch_id)
        counts = reports.count_refusals(connection, batch_id)
        fingerprint = reports.fingerprint(connection, batch_id)
        masks = reports.load_masks(connection, batch_id, BITS)
        _write_privately(errors, reports.error_report(connection, batch_id))
    check_conservation(batch)
    mentions: dict[str, int] = {}
    for count in counts:
        mentions[count.code] = mentions.get(count.code, 0) + count.mentions
    promises = recount_batch(masks, batch.enrollments + batch.refused, mentions, policy_of(settings, batch.options))
    by_code = tuple(RefusalCount(count.code, count.outcome, count.reasons, count.mentions) for count in counts)
    plot = None
    if reasons := [(line.code, line.outcome.value, line.count) for line in by_code if line.count]:
        title = f"Enrollment {batch_id}: why contacts were not enrolled at once"
        plot = plot_refusals(reasons, title, folder / f"enrollment-errors-{batch_id}.png")
    page = write_document(
        settings.home / "data_docs", f"enrollment-{batch_id}", _document(batch, promises), runtime.clock.now()
    )
    report = Report(
        batch_id=batch.id,
        fingerprint=fingerprint,
        sequence=batch.sequence,
        segment=batch.segment,
        sender=batch.sender,
        enrolled=batch.enrolled,
        held=batch.held,
        refused=batch.refused,
        by_code=by_code,
        errors=errors,
        data_docs=page,
        plot=plot,
    )
    _show(report)
    logger.info("batch %d: %d enrolled, %d held, %d refused", batch_id, report.enrolled, report.held, report.refused)
    return report


def check_conservation(batch: reports.StoredBatch) -> None:
    """Compare how the finished batch counted itself with the rows it left.

    Raises:
        ContractsDisagree: a number differs.
    """
    rows = {
        "candidates": batch.enrollments + batch.refused,
        "enrolled": batch.enrolled,
        "held": batch.held,
        "refused": batch.refused,
    }
    different = {name: n for name, n in rows.items() if batch.counts and batch.counts.get(name, n) != n}
    if different:
        told = "; ".join(f"{name}: counted {batch.counts[name]:,}, stored {n:,}" for name, n in different.items())
        raise ContractsDisagree(f"Enrollment {batch.id} left other rows than it counted ({told}). Please report it.")


def _write_privately(path: Path, blocks: Any) -> None:
    """Write a file that only its owner may read; it is there when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    with partial.open("wb") as file:
        file.write(b"\xef\xbb\xbf")  # so that Excel reads it as UTF-8
        file.writelines(blocks)
    partial.replace(path)


def _document(batch: reports.StoredBatch, promises: tuple[Promise, ...]) -> Document:
    broken = tuple(promise for promise in promises if not promise.is_kept)
    kept = tuple(promise for promise in promises if promise.is_kept)
    chapters = [Chapter("Not so for some contacts", broken)] if broken else []
    return Document(
        title=f"Enrollment {batch.id} into {batch.sequence}",
        subtitle=f"Started {batch.started_at:%Y-%m-%d %H:%M} UTC",
        figures=(
            ("candidates", batch.enrollments + batch.refused),
            ("enrolled", batch.enrolled),
            ("held", batch.held),
            ("refused", batch.refused),
        ),
        chapters=(*chapters, Chapter("So for everybody", kept)),
    )


def _show(report: Report) -> None:
    """The counts as an artifact of the run, if there is one: codes and numbers, no contact."""
    if FlowRunContext.get() is None and TaskRunContext.get() is None:
        return
    create_table_artifact(
        [line.as_row() for line in report.by_code],
        key=f"enrollment-{report.batch_id}-errors",
        description=(
            f"Enrollment {report.batch_id}: {report.enrolled:,} enrolled, {report.held:,} held, "
            f"{report.refused:,} refused. Contacts: {report.errors.name}; counts: {report.data_docs.name}; "
            f"fingerprint of the contacts: {report.fingerprint}."
        ),
    )
