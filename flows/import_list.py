"""How does a list of contacts get in?"""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Failed

from cadenza.domain.importing import ImportReport
from cadenza.errors import CadenzaError
from tasks.import_rows import import_rows
from tasks.read_source import read_source


@flow(name="import-list", flow_run_name="{list_name}")
def import_list(
    source: str, list_name: str, mapping: dict[str, str] | None = None, query: str | None = None
) -> ImportReport | State[Any]:
    """Import a file of contacts, or the rows of a query, into a static list.

    Every row is imported, merged into a known contact, or rejected with its line and a reason.

    Args:
        source: A file on the worker's machine: CSV, XLSX or Parquet. With a query: 'database', 'env:NAME' or a URL.
        list_name: The list that the contacts are put on; it is made if there is none.
        mapping: Column names and the field of each, where a column is not recognized by itself; '-' leaves it out.
        query: SQL whose rows are the contacts.
    """
    try:
        contacts = read_source(source, query)
        return import_rows(contacts, list_name, mapping)
    except CadenzaError as error:
        return Failed(message=str(error), data=error)
