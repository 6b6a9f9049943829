"""How do companies, deals, tickets and other records get in?"""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Failed

from cadenza.domain.importing import RecordReport
from cadenza.errors import CadenzaError
from tasks.import_records import import_records as merge_source
from tasks.read_source import read_source


@flow(name="import-records", flow_run_name="{kind}")
def import_records(
    source: str, kind: str, mapping: dict[str, str] | None = None, query: str | None = None
) -> RecordReport | State[Any]:
    """Import records and associate the contacts that they name; contacts whom nobody knows are counted.

    Args:
        source: A file on the worker's machine: CSV, XLSX or Parquet. With a query: 'database', 'env:NAME' or a URL.
        kind: What the records are: company, deal, ticket, or the name of a custom object.
        mapping: Column names and the field of each, where a column is not recognized by itself; '-' leaves it out.
        query: SQL whose rows are the records.
    """
    try:
        return merge_source(read_source(source, query), kind, mapping)
    except CadenzaError as error:
        return Failed(message=str(error), data=error)
