"""An enrollment is prepared, reviewed, changed and begun from the command line."""

from __future__ import annotations


def test_a_draft_goes_all_its_way(terminal, database_url, world):
    world.mailbox("ana")
    world.sequence(world.email(1), world.email(2, days=2), required_tokens=("contact.city",))
    ids = world.contacts(3)
    where = {"CADENZA_DATABASE_URL": database_url}

    def draft(*arguments: str) -> str:
        done = terminal.run("draft", *arguments, **where)
        assert done.returncode == 0, done.stderr
        return " ".join(done.stdout.split())

    chosen = [part for id_ in ids for part in ("--contact", str(id_))]
    made = terminal.run("enroll", "hello", *chosen, "--sender", "ana", "--delay", "2=5d", "--draft", **where)
    assert made.returncode == 0, made.stderr
    assert "Draft 1 with 3 contacts" in made.stdout
    assert "3 chosen contacts hello ana 3 0 0" in draft("list")
    assert "contact.city 3" in draft("show", "1")
    draft("fill", "1", "contact.city=Kiel", "--contact", str(ids[0]))
    draft("set", "1", "--contact", str(ids[1]), "--token", "contact.city=Bonn", "--subject", "1=Mine")
    draft("remove", "1", str(ids[2]))
    assert '{"steps": {"1": {"subject": "Mine"}}' in draft("show", "1")
    (terminal.folder / "offer.pdf").write_bytes(b"%PDF offer")
    draft("set", "1", "--contact", str(ids[1]), "--attach", "2=offer.pdf")
    unanswered = terminal.run("draft", "enroll", "1", **where)
    assert (unanswered.returncode, unanswered.stderr.count("\n")) == (1, 1)
    assert "Nothing was done" in unanswered.stderr
    assert "1 enrolled, 0 held" in draft("enroll", "1", "--contact", str(ids[0]), "--yes")
    assert "1 enrolled, 0 held" in draft("enroll", "1", "--yes")
    [attached] = world.one(
        "SELECT overrides #> '{steps,2,attachments}' FROM enrollments WHERE contact_id = :c", c=ids[1]
    )
    assert (attached["name"], attached["size"]) == ("offer.pdf", 10)
    assert bytes(world.one("SELECT content FROM documents WHERE sha256 = :s", s=attached["sha256"])) == b"%PDF offer"
    assert world.rows("SELECT contact_id, overrides -> 'steps' -> '1' FROM enrollments ORDER BY 1") == [
        (ids[0], None),
        (ids[1], {"subject": "Mine"}),
    ]
    draft("discard", "1")
    assert "There are no drafts" in draft("list")


def test_a_file_is_brought_and_enrolled_with_one_command(terminal, database_url, world):
    world.mailbox("ana")
    world.sequence()
    people = [f"Kim,kim{number}@kunde.example" for number in range(8)]
    lines = ["First name,Mail", *people, "Lee,lee@kunde.example,too much"]
    (terminal.folder / "leads.csv").write_text("\n".join(lines))

    def enroll(*arguments: str, code: int) -> str:
        done = terminal.run("enroll", "hello", "--file", "leads.csv", *arguments, CADENZA_DATABASE_URL=database_url)
        assert done.returncode == code, done.stderr
        return " ".join((done.stdout + done.stderr).split())

    assert "There is no user" in enroll("--sender", "anna", "--draft", code=2)
    assert world.one("SELECT count(*) FROM contacts") == 0, "what is wrong is said before anything is imported"
    told = enroll("--sender", "ana", "--map", "Mail=email", "--draft", code=0)
    assert "9 rows: 8 imported, 0 merged into known contacts, 1 rejected" in told
    assert "Rejected rows" in told
    assert "Draft 1 with 8 contacts" in told
    assert world.one("SELECT name FROM lists") == f"leads {world.one('SELECT now()'):%Y-%m-%d}"
    assert "0 imported, 8 merged" in enroll("--sender", "ana", "--list", "fair", "--draft", code=0)


def test_options_that_contradict_each_other_are_named_in_one_line(terminal, database_url, world):
    world.mailbox("ana")
    world.sequence(world.email(1), world.email(2, days=2))
    [id_] = world.contacts(1)
    enroll = ("enroll", "hello", "--contact", str(id_), "--sender", "ana", "--draft")
    for options, words in (
        (["--delay", "2=3d", "--delay", "2=now"], ["--delay 2=3d", "--delay 2=now"]),
        (["--start-step", "2", "--subject", "1=Hello"], ["steps.1", "start_position"]),
        (["--delay", "3d"], ["NAME=VALUE"]),
        (["--text", "2=@none.txt"], ["none.txt"]),
        (["--attach", "2=none.pdf"], ["none.pdf"]),
        (["--attach", "offer.pdf"], ["STEP=FILE"]),
        (["--alias", "boss"], ["from_alias"]),
    ):
        shown = terminal.run(*enroll, *options, CADENZA_DATABASE_URL=database_url)
        assert shown.returncode == 2, shown.stdout
        assert all(word in shown.stderr for word in words), shown.stderr
        assert shown.stderr.count("\n") == 1
