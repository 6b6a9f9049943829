"""What does a person read about the data?"""

from __future__ import annotations

from typing import Any

from data_contracts.stored_data import SUBJECTS


def test_a_healthy_installation_is_told_in_one_line_and_with_a_page(terminal: Any, database_url: str) -> None:
    shown = terminal.run("quality", CADENZA_DATABASE_URL=database_url)
    assert shown.returncode == 0, shown.stderr
    contracts = sum(len(subject.contracts) for subject in SUBJECTS)
    assert f"All {contracts} contracts are kept." in shown.stdout
    assert "file://" in shown.stdout
    assert "data-quality-" in shown.stdout


def test_a_broken_promise_is_an_exit_code_a_line_and_a_remedy(terminal: Any, database_url: str, world: Any) -> None:
    world.enroll(world.contacts(2), world.sequence(), world.mailbox())
    world.rows("UPDATE enrollments SET user_id = 999, due_at = now() + interval '1 day'")
    shown = terminal.run("quality", "--days", "7", CADENZA_DATABASE_URL=database_url)
    assert shown.returncode == 1
    assert shown.stderr == "cadenza: Data-quality alarm: REFERENCE_BROKEN (2 of 2 enrollments)\n"
    assert "REFERENCE_BROKEN" in shown.stdout
    assert "Restore what was deleted" in shown.stdout
    assert "@" not in shown.stdout + shown.stderr


def test_a_warning_is_no_failure(terminal: Any, database_url: str, world: Any) -> None:
    world.contacts(2)
    shown = terminal.run("quality", CADENZA_DATABASE_URL=database_url)
    assert shown.returncode == 0, shown.stderr
    assert "ZONE_UNKNOWN" in shown.stdout
