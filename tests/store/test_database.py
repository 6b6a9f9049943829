from sqlalchemy import text

from cadenza.store import database


def test_migrating_twice_changes_nothing(engine):
    database.migrate(engine)
    with database.transaction(engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM contacts")) == 0
