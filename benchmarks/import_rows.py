"""How fast does a list get in? Rows a second from CSV to table, and the peak of memory.

The same file also goes in by a plain COPY, and by a staging table with a merge and nothing else.
"""

from __future__ import annotations

import random
from pathlib import Path

from sqlalchemy import Connection, text

from benchmarks import world
from benchmarks.ground import Measured, measured, peak_memory_mb, runtime
from cadenza.runtime import DrivenClock, Runtime
from cadenza.store import database

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


def plain_copy(ground: Runtime, path: Path) -> Measured:
    """What it takes to COPY the file as it is into a table of texts."""
    with database.transaction(ground.engine) as connection:
        columns = [f"c{number} text" for number in range(HEADER.count(",") + 1)]
        connection.execute(text(f"CREATE TABLE plain ({', '.join(columns)})"))
        with measured(ground) as taken:
            _copy(connection, path, "plain")
    return taken


def staging_and_merge(ground: Runtime, path: Path) -> Measured:
    """What it takes to COPY the file into a staging table and merge it on the address: no list, no normalization."""
    with database.transaction(ground.engine) as connection:
        columns = [f"c{number} text" for number in range(HEADER.count(",") + 1)]
        connection.execute(text(f"CREATE TABLE bare ({', '.join(columns)}, id bigint GENERATED ALWAYS AS IDENTITY)"))
        connection.execute(text("CREATE UNIQUE INDEX ON bare (c2)"))
        connection.execute(text(f"CREATE TEMPORARY TABLE staged ({', '.join(columns)}) ON COMMIT DROP"))
        names = [column.split()[0] for column in columns]
        merged = ", ".join(f"{name} = excluded.{name}" for name in names if name != "c2")
        with measured(ground) as taken:
            _copy(connection, path, "staged")
            connection.execute(
                text(
                    f"INSERT INTO bare ({', '.join(names)}) SELECT DISTINCT ON (c2) * FROM staged "
                    f"ON CONFLICT (c2) DO UPDATE SET {merged}"
                )
            )
    return taken


def _copy(connection: Connection, path: Path, table: str) -> None:
    with database.driver_connection(connection).cursor() as cursor:
        statement = f"COPY {table} FROM STDIN (FORMAT csv, HEADER true)"
        with cursor.copy(statement.encode()) as rows, path.open("rb") as file:
            while block := file.read(1 << 20):
                rows.write(block)


def import_file(ground: Runtime, path: Path, list_name: str) -> Measured:
    """What an import takes as users do it, the contract included."""
    from tasks.import_rows import import_rows
    from tasks.read_source import read_source

    with measured(ground) as taken:
        report = import_rows.fn(read_source.fn(str(path)), list_name)
    assert report.rows == report.imported + report.merged + report.rejected
    return taken


def main(size: int) -> None:
    """Import a file of a tenth of ``size`` rows, one of ``size`` rows, and that one again."""
    import great_expectations  # noqa: F401  (its import takes seconds, once a process)

    with runtime(DrivenClock(world.NOW)) as ground:
        for rows in (size // 10, size):
            path = ground.settings.home / f"{rows}.csv"
            write_file(path, rows)
            first = import_file(ground, path, f"List of {rows}")
            _print(f"import of {rows:,} rows", rows, first)
        _print("the same file again", size, import_file(ground, path, "Again"))
        baselines = {
            "plain COPY of the same file": plain_copy(ground, path),
            "staging table and merge, nothing else": staging_and_merge(ground, path),
        }
    for baseline, taken in baselines.items():
        print(
            f"takes {first.seconds / taken.seconds:.1f} × the time and"
            f" {first.cpu_seconds / taken.cpu_seconds:.1f} × the CPU of: {baseline} ({taken.seconds:.2f} s)"
        )


def _print(what: str, rows: int, taken: Measured) -> None:
    print(
        f"{what}: {taken.seconds:.1f} s, {rows / taken.seconds:,.0f} rows/s; {taken.cpu_seconds:.1f} s CPU, of it "
        f"{taken.database_seconds:.1f} s of PostgreSQL; peak {peak_memory_mb():,.0f} MB",
        flush=True,
    )
