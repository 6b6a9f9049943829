"""Every token that a List-Unsubscribe address of ours carries comes back whole."""

from __future__ import annotations

from cadenza.mail.incoming import classify
from cadenza.mail.links import read_unsubscribe_token, unsubscribe_token


def test_tokens_come_back_whole_whatever_sign_they_begin_with():
    key = b"key"
    tokens = {number: unsubscribe_token(key, number) for number in range(500)}
    assert {"-", "_"} <= {token[0] for token in tokens.values()}
    for number, token in tokens.items():
        raw = f"From: kim@customer.example\r\nSubject: unsubscribe {token}\r\n\r\n".encode()
        read = classify(raw).unsubscribe_token
        assert read == token
        assert read_unsubscribe_token(key, read) == number
