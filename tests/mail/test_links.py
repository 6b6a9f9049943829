"""Unsubscribe links speak of one enrollment, to us alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.errors import LinkInvalid
from cadenza.mail.links import read_unsubscribe_token, unsubscribe_token

KEY = b"a key of this installation"


@given(st.integers(0, 2**63 - 1), st.binary(max_size=64))
def test_a_token_leads_back_to_its_enrollment(enrollment_id, key):
    assert read_unsubscribe_token(key, unsubscribe_token(key, enrollment_id)) == enrollment_id


@given(st.text(max_size=60))
def test_no_made_up_token_leads_anywhere(token):
    with pytest.raises(LinkInvalid):
        read_unsubscribe_token(KEY, token)


def test_a_changed_token_or_another_key_leads_nowhere():
    token = unsubscribe_token(KEY, 42)
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(LinkInvalid):
            read_unsubscribe_token(KEY, changed)
    with pytest.raises(LinkInvalid):
        read_unsubscribe_token(b"another key", token)


def test_tokens_show_no_order_and_fit_into_a_link():
    tokens = [unsubscribe_token(KEY, number) for number in range(200)]
    assert len({token[:4] for token in tokens}) > 190
    assert len({token[-6:] for token in tokens}) > 190
    assert all(token.isascii() and len(token) == 32 and "/" not in token for token in tokens)
