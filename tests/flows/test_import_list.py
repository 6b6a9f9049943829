"""How does a list of contacts get in?"""

from __future__ import annotations

from pathlib import Path

import pytest

from cadenza.domain.importing import ImportReport
from cadenza.errors import SourceContractBroken, SourceUnreadable
from flows.import_list import import_list

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_list_is_imported_by_the_flow(prefect_server, runtime):
    report = import_list(str(EXAMPLES / "webinar.csv"), "Webinar")
    assert isinstance(report, ImportReport)
    assert (report.list_name, report.rows) == ("Webinar", report.imported + report.merged + report.rejected)


def test_a_mistake_ends_the_flow_as_failed_with_its_message_and_no_traceback(prefect_server, runtime, caplog, tmp_path):
    state = import_list(str(tmp_path / "gone.csv"), "Gone", return_state=True)
    assert state.is_failed()
    assert state.message == "There is no file gone.csv to import: check the path."
    path = tmp_path / "names.csv"
    path.write_text("Name,City\nAna,Rome\n", encoding="utf-8")
    with pytest.raises(SourceContractBroken, match="No column holds the e-mail addresses"):
        import_list(str(path), "Names")
    assert "Traceback" not in caplog.text


def test_a_failed_import_raises_its_own_error_for_callers(prefect_server, runtime, tmp_path):
    with pytest.raises(SourceUnreadable, match=r"gone\.csv"):
        import_list(str(tmp_path / "gone.csv"), "Gone")
