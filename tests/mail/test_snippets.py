"""Snippets stand in templates as if they had been written there."""

from __future__ import annotations

import pytest

from cadenza.errors import SequenceInvalid
from cadenza.mail.sequence_file import read_sequence

FILE = """
steps:
  - email:
      subject: Hello
      {kind}: |
        Before.
        {{% include "snippet:{name}" %}}
        After.
"""


def read(folder, kind="text", name="greeting"):
    path = folder / "hello.yaml"
    path.write_text(FILE.format(kind=kind, name=name))
    return read_sequence(path)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "snippets").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    for name, words in (
        ("greeting.txt", "Dear {{ contact.first_name }},\n"),
        ("greeting.html", "<p>Dear {{ contact.first_name }}</p><script>alert(1)</script>"),
        ("nested.txt", '{% include "snippet:greeting" %}'),
        ("harmful.txt", "{{ contact.__class__ }}"),
    ):
        (tmp_path / "snippets" / name).write_text(words)
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "words"),
    [("text", "Before.\nDear {{ contact.first_name }},\nAfter.\n"), ("html", "<p>Dear {{ contact.first_name }}</p>")],
)
def test_a_snippet_stands_where_it_is_included(folder, kind, words):
    sequence = read(folder, kind)
    assert words in getattr(sequence.steps[0], kind)
    assert sequence.required_tokens == ("contact.first_name",)
    (folder / "snippets" / f"greeting.{'txt' if kind == 'text' else kind}").write_text("Changed")
    assert words in getattr(sequence.steps[0], kind)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("greting", "did you mean greeting?"),
        ("../secret", "there is no snippet"),
        ("nested", "includes another one"),
        ("harmful", "__class__"),
    ],
)
def test_a_snippet_that_is_not_there_or_does_harm_is_named(folder, name, words):
    with pytest.raises(SequenceInvalid, match=r"hello\.yaml, line \d+") as caught:
        read(folder, name=name)
    assert words in str(caught.value)
