"""Do the example lists import as they should?"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from sqlalchemy import text

from cadenza.store import database
from tasks.import_rows import import_rows
from tasks.read_source import read_source

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("name", "rows", "rejected"), [("trade_fair", 600, 2), ("inactive_accounts", 200, 0), ("webinar", 50, 0)]
)
def test_an_example_list_is_imported(runtime, name, rows, rejected):
    report = import_rows.fn(read_source.fn(str(EXAMPLES / f"{name}.csv")), name)
    assert report.rows >= rows
    assert report.rows == report.imported + report.merged + report.rejected
    assert report.rejected == rejected
    assert 0 < report.merged < report.rows // 10
    assert 0 < report.without_address < report.rows // 5
    known = {"email", "first_name", "last_name", "company", "phone", "country", "city", "owner_email"}
    assert known <= set(report.mapping.values())
    with database.transaction(runtime.engine) as connection:
        outside = "SELECT email_normalized FROM contacts WHERE email_normalized NOT LIKE '%.example'"
        assert connection.scalars(text(outside)).all() == []


def test_the_example_lists_are_what_their_script_makes(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("make_contact_files", EXAMPLES / "make_contact_files.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    script.main()
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(made) == 3
    assert made == {name: (EXAMPLES / name).read_bytes() for name in made}
