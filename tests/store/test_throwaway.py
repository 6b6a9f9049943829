"""Throw-away databases: nobody drops another's, and everybody drops his own."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from cadenza.errors import DatabaseUnavailable
from cadenza.store import database
from cadenza.store.throwaway import throwaway_database, throwaway_names


def test_two_at_once_leave_each_other_alone(engine):
    with throwaway_database(engine, 1) as first:
        with throwaway_database(engine, 1) as second:
            assert throwaway_names(engine) == {first.url.database, second.url.database}
        assert throwaway_names(engine) == {first.url.database}
        with database.transaction(first) as connection:
            assert connection.scalar(text("SELECT count(*) FROM contacts")) == 0
    assert throwaway_names(engine) == set()


def test_names_that_are_too_long_stay_apart(engine):
    names = [f"{'a' * 60}{letter}" for letter in "xy"]
    for name in names:
        database.create_database(engine, name)
    engines = [database.connect(engine.url.set(database=name).render_as_string(hide_password=False)) for name in names]
    try:
        with throwaway_database(engines[0], 1) as first, throwaway_database(engines[1], 1) as second:
            assert throwaway_names(engines[0]) == {first.url.database}
            assert throwaway_names(engines[1]) == {second.url.database}
    finally:
        for each, name in zip(engines, names, strict=True):
            each.dispose()
            database.drop_database(engine, name)


def test_a_user_who_may_not_create_databases_is_told_so(engine):
    with database.autocommit(engine) as connection:
        connection.execute(text("CREATE ROLE modest LOGIN"))
    modest = database.connect(engine.url.set(username="modest").render_as_string(hide_password=False))
    try:
        with (
            pytest.raises(DatabaseUnavailable, match=r"'modest' may not create one.*CREATEDB"),
            throwaway_database(modest, 1),
        ):
            pass
        assert throwaway_names(engine) == set()
    finally:
        modest.dispose()
        with database.autocommit(engine) as connection:
            connection.execute(text("DROP ROLE modest"))
