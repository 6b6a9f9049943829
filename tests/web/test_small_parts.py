"""The parts that pages are made of, against hostile input."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.web.buckets import Buckets
from cadenza.web.clients import client_of
from cadenza.web.forms import fields_of
from cadenza.web.languages import preferred
from cadenza.web.masking import LONGEST_NAME, masked, plain
from cadenza.web.words import WORDS

TRUSTED = [ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"), ip_network("::1")]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("kim.lee@customer.example", "k•••@c•••.example"),
        ("a@b.de", "a•••@b•••.de"),
        ("jo@shop.example.co.uk", "j•••@s•••.uk"),
        ("root@localhost", "r•••@l•••"),
        ("日本@例え.jp", "日•••@例•••.jp"),
        ('"a@b"@c.example', '"•••@c•••.example'),
        ("", "•••@•••"),
    ],
)
def test_an_address_is_masked_to_its_first_letters(address, shown):
    assert masked(address) == shown


@given(st.text(max_size=200))
def test_a_name_is_one_short_line_that_does_nothing(name):
    shown = plain(name)
    assert len(shown) <= LONGEST_NAME
    assert shown == shown.strip()
    assert not any(character in shown for character in "\r\n\t\x00\u202e\u2066\u2069\u200b\x1b")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("de", "de"),
        ("DE-de", "de"),
        ("en;q=0.5, de;q=0.8", "de"),
        ("de;q=0.5, en;q=0.8, fr", "en"),
        ("de;q=0, fr", "xx"),
        ("fr, *;q=0.5", "xx"),
        ("de;q=nan, en", "en"),
        ("de;q=many", "xx"),
        ("", "xx"),
        ("," * 100_000, "xx"),
        ("x" * 400 + ",de", "xx"),
    ],
)
def test_the_language_asked_for_most_is_taken(header, expected):
    assert preferred(header, ("en", "de"), "xx") == expected


@given(st.text(max_size=300))
def test_no_wish_for_a_language_breaks_a_page(header):
    assert preferred(header, WORDS, "en") in WORDS


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.5", "198.51.100.1", "203.0.113.5"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "192.0.2.9, 198.51.100.1, 10.1.1.1", "198.51.100.1"),
        ("127.0.0.1", "198.51.100.1, nonsense", "127.0.0.1"),
        ("127.0.0.1", "nonsense, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "10.0.0.1, 10.0.0.2", "10.0.0.1"),
        ("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::1", "[2001:db8::5]", "2001:db8::/64"),
        ("2001:db8:0:1:ffff::1", "", "2001:db8:0:1::/64"),
        ("", "198.51.100.1", "None"),
    ],
)
def test_the_client_is_the_first_that_no_trusted_proxy_is(peer, forwarded, client):
    assert client_of(peer, forwarded, TRUSTED) == client


@given(st.text(max_size=100), st.text(max_size=200))
def test_any_client_has_a_name(peer, forwarded):
    assert client_of(peer, forwarded, TRUSTED)
    assert client_of("127.0.0.1", forwarded, TRUSTED)


MULTIPART = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click"),
        ("application/x-www-form-urlencoded; charset=utf-8", b"a=1&List-Unsubscribe=One-Click"),
        ("", b"List-Unsubscribe=One-Click"),
        ("text/plain", b"List%2DUnsubscribe=One-Click"),
        ("multipart/form-data; boundary=b", MULTIPART),
        ('Multipart/Form-Data; boundary="b"', MULTIPART),
    ],
)
def test_a_form_is_read_in_every_encoding(content_type, body):
    assert fields_of(content_type, body)["List-Unsubscribe"] == "One-Click"


@given(st.binary(max_size=2_000), st.text(max_size=40))
def test_no_body_breaks_the_reading_of_a_form(body, boundary):
    for content_type in ("", "multipart/form-data", f"multipart/form-data; boundary={boundary}"):
        try:
            fields = fields_of(content_type, body)
        except ValueError:
            continue
        assert all(isinstance(name, str) and isinstance(value, str) for name, value in fields.items())


def test_a_form_of_too_many_fields_is_none():
    with pytest.raises(ValueError, match="fields"):
        fields_of("", b"&".join(b"x=%d" % number for number in range(50)))


class TestBuckets:
    def buckets(self, **settings) -> Buckets:
        self.now = 1_000.0
        return Buckets(60, clock=lambda: self.now, **settings)

    def test_a_full_bucket_empties_and_fills_steadily(self):
        buckets = self.buckets()
        assert [buckets.take("a") for _ in range(60)] == [0.0] * 60
        assert buckets.take("a") == pytest.approx(1.0)
        self.now += 0.5
        assert buckets.take("a") == pytest.approx(0.5)
        self.now += 0.5
        assert buckets.take("a") == 0.0
        self.now += 3_600
        assert [buckets.take("a") for _ in range(61)][-1] > 0

    def test_waiting_as_long_as_told_is_enough(self):
        buckets = self.buckets()
        buckets.charge("a", 1_000)
        wait = buckets.take("a")
        assert wait == pytest.approx(61.0)
        self.now += wait + 1e-6
        assert buckets.take("a") == 0.0

    def test_each_client_has_its_own(self):
        buckets = self.buckets()
        buckets.charge("a", 60)
        assert buckets.take("a") > 0
        assert buckets.take("b") == 0.0

    def test_memory_is_bounded_and_the_busy_are_remembered(self):
        buckets = self.buckets(most_names=100)
        buckets.charge("busy", 200)
        for number in range(5_000):
            buckets.take(str(number))
            buckets.take("busy")
        assert len(buckets._levels) == 100
        assert buckets.take("busy") > 0
