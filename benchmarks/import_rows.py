"""How fast does a list get in? Rows a second from CSV to table, and the peak of memory.

The same file also goes in by a plain COPY, and by a staging table with a merge and nothing else.
"""

from __future__ import annotations

import random
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, text

from cadenza.runtime import DrivenClock, Runtime, use
from cadenza.settings import Settings
from cadenza.store import database
from cadenza.store.embedded import start_embedded, url_of

HEADER = "First Name,Last Name,Email,Company,Job Title,Phone,Country,City,Contact owner,Ticket Type,Notes"
FIRST = ("Ana", "Jörg", "Chloé", "Wei", "Olu", "Priya", "João", "Sven")
LAST = ("Müller", "Smith", "García", "Nguyen", "Okafor", "Rossi", "Kowalski", "Tan")
COUNTRIES = ("Germany", "France", "Japan", "Brazil", "India", "Kenya", "Canada", "Australia")


def write_file(path: Path, size: int) -> None:
    """A list of ``size`` contacts, one in fifty twice and one in a hundred with a doubtful address."""
    dice = random.Random(7)
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER + "\n")
        for number in range(size):
            first, last = dice.choice(FIRST), dice.choice(LAST)
            who = number if number % 50 else dice.randrange(size)
            address = f"person{who}@company{who % 5_000}.example"
            if number % 100 == 1:
                address = f"Person{who}@münchen{who % 300}.example"
            file.write(
                f"{first},{last},{address},Company {who % 5_000},Head of Things,+49 30 {number:07d},"
                f'{dice.choice(COUNTRIES)},City {number % 900},ana@northwind.example,VIP,"likes coffee, and tea"\n'
            )


def plain_copy(engine: Engine, path: Path) -> float:
    """Seconds to COPY the file as it is into a table of texts."""
    with database.transaction(engine) as connection:
        columns = [f"c{number} text" for number in range(HEADER.count(",") + 1)]
        connection.execute(text(f"CREATE TABLE plain ({', '.join(columns)})"))
        return _copy(connection, path, "plain")


def staging_and_merge(engine: Engine, path: Path) -> float:
    """Seconds to COPY the file into a staging table and merge it on the address: no list, no normalization."""
    with database.transaction(engine) as connection:
        columns = [f"c{number} text" for number in range(HEADER.count(",") + 1)]
        connection.execute(text(f"CREATE TABLE bare ({', '.join(columns)}, id bigint GENERATED ALWAYS AS IDENTITY)"))
        connection.execute(text("CREATE UNIQUE INDEX ON bare (c2)"))
        connection.execute(text(f"CREATE TEMPORARY TABLE staged ({', '.join(columns)}) ON COMMIT DROP"))
        seconds = _copy(connection, path, "staged")
        start = time.perf_counter()
        names = [column.split()[0] for column in columns]
        merged = ", ".join(f"{name} = excluded.{name}" for name in names if name != "c2")
        connection.execute(
            text(
                f"INSERT INTO bare ({', '.join(names)}) SELECT DISTINCT ON (c2) * FROM staged "
                f"ON CONFLICT (c2) DO UPDATE SET {merged}"
            )
        )
        return seconds + time.perf_counter() - start


def _copy(connection, path: Path, table: str) -> float:
    start = time.perf_counter()
    with database.driver_connection(connection).cursor() as cursor:
        statement = f"COPY {table} FROM STDIN (FORMAT csv, HEADER true)"
        with cursor.copy(statement.encode()) as rows, path.open("rb") as file:
            while block := file.read(1 << 20):
                rows.write(block)
    return time.perf_counter() - start


def import_file(runtime: Runtime, path: Path, list_name: str) -> float:
    """Seconds of an import as users do it, the contract included."""
    from tasks.import_rows import import_rows
    from tasks.read_source import read_source

    start = time.perf_counter()
    report = import_rows.fn(read_source.fn(str(path)), list_name)
    seconds = time.perf_counter() - start
    assert report.rows == report.imported + report.merged + report.rejected
    return seconds


def main(size: int = 1_000_000) -> None:
    """Print rows a second and the peak of memory for ``size`` rows and for a tenth of them."""
    import great_expectations  # noqa: F401  (its import takes seconds, once a process)

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        server = start_embedded(home)
        try:
            maintenance = database.connect(url_of(server, "postgres"), pool_size=1)
            database.create_database(maintenance, "benchmark")
            engine = database.connect(url_of(server, "benchmark"))
            database.migrate(engine)
            settings = Settings(home=home)
            runtime = Runtime(settings, engine, None, DrivenClock(datetime(2026, 3, 2, 9, tzinfo=UTC)))
            with use(runtime):
                for rows in (size // 10, size):
                    path = home / f"{rows}.csv"
                    write_file(path, rows)
                    seconds = import_file(runtime, path, f"List of {rows}")
                    _print(f"import of {rows} rows", rows, seconds)
                copied = plain_copy(engine, path)
                _print("  plain COPY of the same file", size, copied)
                merged = staging_and_merge(engine, path)
                _print("  staging and merge, nothing else", size, merged)
                print(f"  ratio to plain COPY {seconds / copied:.1f}, to staging and merge {seconds / merged:.1f}")
                _print("  the same file again", size, import_file(runtime, path, "Again"))
            engine.dispose()
            maintenance.dispose()
        finally:
            server.cleanup()


def _print(what: str, rows: int, seconds: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{what}: {seconds:.1f} s, {rows / seconds:,.0f} rows/s, peak {peak} MB", flush=True)


if __name__ == "__main__":
    main()
