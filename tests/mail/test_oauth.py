"""Access tokens are asked for as Google and Microsoft want it, kept, and renewed in time."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from token_endpoint import TokenEndpoint

from cadenza.errors import MailboxRefused, MailServerUnavailable, SettingsInvalid
from cadenza.mail.account import SmtpSettings
from cadenza.mail.login import Login
from cadenza.mail.oauth import Tokens
from cadenza.mail.oauth.google_sign_in import GoogleSignIn
from cadenza.mail.oauth.microsoft import sign_in

ANA = "ana@northwind.example"


class Shelf:
    """Secrets in memory."""

    def __init__(self, **secrets: str) -> None:
        self.secrets = secrets

    def stored(self, name: str) -> str:
        return self.secrets[name]

    def store(self, name: str, value: str) -> None:
        self.secrets[name] = value

    def block(self, name: str) -> str:
        return self.secrets[name]


def login(shelf: Shelf, tokens: Tokens | None = None, **oauth: str) -> Login:
    settings = {"kind": "smtp", "host": "h", "username": ANA, "password_secret": "s", "oauth": oauth}
    found = SmtpSettings.model_validate(settings).login(shelf, tokens or Tokens())
    assert found is not None
    return found


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    path = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", path / "key.pem", "-out", path / "cert.pem", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    both = path / "both.pem"
    both.write_bytes((path / "cert.pem").read_bytes() + (path / "key.pem").read_bytes())
    return both


@pytest.fixture
def microsoft(certificate, monkeypatch):
    """Microsoft's part, by HTTPS."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with TokenEndpoint(certificate) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def private_key():
    return rsa.generate_private_key(65537, 2048)


def service_account(key: rsa.RSAPrivateKey, endpoint: TokenEndpoint) -> str:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return json.dumps(
        {"type": "service_account", "client_email": "robot@project.example", "private_key": pem,
         "private_key_id": "1", "token_uri": endpoint.token_url}
    )  # fmt: skip


def authorized_user(endpoint: TokenEndpoint, **other: str) -> str:
    return json.dumps(
        {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "refresh-1",
         "token_uri": endpoint.token_url} | other
    )  # fmt: skip


def test_a_service_account_asks_in_the_name_of_the_mailbox(private_key):
    with TokenEndpoint() as google:
        proof = login(Shelf(s=service_account(private_key, google)), kind="google").proof()
    assert (proof.value, proof.is_token) == ("access-1", True)
    [asked] = google.asked
    head, body, signature = asked["assertion"].split(".")
    private_key.public_key().verify(_bytes(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), SHA256())
    claims = json.loads(_bytes(body))
    assert (claims["iss"], claims["sub"]) == ("robot@project.example", ANA)
    assert claims["scope"] == "https://mail.google.com/"


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "==")


def test_a_signed_in_user_asks_with_the_refresh_token():
    with TokenEndpoint() as google:
        assert login(Shelf(s=authorized_user(google)), kind="google").proof().value == "access-1"
    assert (google.asked[0]["grant_type"], google.asked[0]["refresh_token"]) == ("refresh_token", "refresh-1")


def test_a_token_is_kept_and_renewed_before_it_expires():
    with TokenEndpoint(seconds=2) as google:
        account = login(Shelf(s=authorized_user(google)), kind="google")
        first, second = account.proof(), account.proof()
        assert (first.value, first.is_kept, second.value, second.is_kept) == ("access-1", False, "access-1", True)
        time.sleep(1.1)
        assert account.proof().value == "access-2"
        assert account.proof(is_new=True).value == "access-3"


def test_many_threads_ask_once():
    with TokenEndpoint() as google:
        account = login(Shelf(s=authorized_user(google)), kind="google")
        threads = [threading.Thread(target=account.proof) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(google.asked) == 1


def test_access_that_was_withdrawn_is_a_refusal_without_a_secret_in_its_words():
    with TokenEndpoint() as google:
        account = login(Shelf(s=authorized_user(google, refresh_token="old-s3cret")), kind="google")
        with pytest.raises(MailboxRefused, match="invalid_grant") as caught:
            account.proof()
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("refusal", [(503, "temporarily_unavailable"), None])
def test_a_token_endpoint_that_is_down_is_no_refusal(refusal):
    with TokenEndpoint(refusal=refusal) as google:
        secret = authorized_user(google)
        if refusal:
            with pytest.raises(MailServerUnavailable):
                login(Shelf(s=secret), kind="google").proof()
            return
    with pytest.raises(MailServerUnavailable):
        login(Shelf(s=secret), kind="google").proof()


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("hunter2", "not a JSON file"),
        ('{"type": "service_account", "client_email": "x", "private_key": "hunter2"}', "service account"),
        ('{"client_id": "x", "client_secret": "hunter2"}', "refresh_token"),
        ('{"client_id": "x", "client_secret": "hunter2", "refresh_token": "r", "token_uri": "http://evil.example/"}',
         "https"),
    ],
)  # fmt: skip
def test_a_secret_that_is_none_of_googles_is_named_without_it(secret, words):
    with pytest.raises(SettingsInvalid, match=words) as caught:
        login(Shelf(s=secret), kind="google").proof()
    assert "hunter2" not in str(caught.value)


def test_microsoft_replaces_the_refresh_token_and_the_new_one_is_stored(microsoft):
    microsoft.replaces = True
    shelf = Shelf(s="refresh-1")
    account = login(shelf, kind="microsoft_user", client_id="app", authority=microsoft.authority)
    assert account.proof().value == "access-1"
    assert shelf.secrets["s"] == microsoft.refresh_token == "refresh-2"
    assert account.proof(is_new=True).value == "access-2"
    assert [form["refresh_token"] for form in microsoft.asked] == ["refresh-1", "refresh-2"]
    assert {"https://outlook.office.com/SMTP.Send", "https://outlook.office.com/IMAP.AccessAsUser.All",
            "offline_access"} <= set(microsoft.asked[0]["scope"].split())  # fmt: skip


def test_an_application_asks_with_its_client_secret(microsoft):
    account = login(Shelf(s="client-s3cret"), kind="microsoft_app", client_id="app", authority=microsoft.authority)
    assert account.proof().value == "access-1"
    [asked] = microsoft.asked
    assert (asked["grant_type"], asked["scope"]) == (
        "client_credentials", "https://outlook.office365.com/.default"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("refusal", "error"),
    [((400, "invalid_grant"), MailboxRefused), ((503, "temporarily_unavailable"), MailServerUnavailable)],
)
def test_microsoft_refuses_or_is_down(microsoft, refusal, error):
    microsoft.refusal = refusal
    with pytest.raises(error):
        login(Shelf(s="refresh-1"), kind="microsoft_user", client_id="app", authority=microsoft.authority).proof()


def test_microsoft_out_of_reach_is_no_refusal(microsoft):
    authority = microsoft.authority
    microsoft.__exit__()
    with pytest.raises(MailServerUnavailable):
        login(Shelf(s="r"), kind="microsoft_user", client_id="app", authority=authority).proof()
    microsoft.__enter__()


def test_a_code_signs_somebody_in_at_microsoft(microsoft):
    microsoft.pending = 1
    shown = []
    assert sign_in("app", microsoft.authority, shown.append) == "refresh-1"
    assert "ABCD-EFGH" in shown[0]
    assert [form.get("grant_type", "")[-11:] for form in microsoft.asked] == ["", "device_code", "device_code"]


def client_file(endpoint: TokenEndpoint) -> str:
    return json.dumps({"installed": {"client_id": "c", "client_secret": "s", "token_uri": endpoint.token_url,
                                     "auth_uri": "https://accounts.example/auth"}})  # fmt: skip


def test_a_browser_signs_somebody_in_at_google():
    with TokenEndpoint() as google, GoogleSignIn.of_file(client_file(google), ANA) as signing:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(signing.url).query).items()}
        assert (asked["login_hint"], asked["code_challenge_method"]) == (ANA, "S256")
        back = f"{asked['redirect_uri']}?code=the-code&state={asked['state']}"
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{asked['redirect_uri']}?code=evil&state=guessed")
        assert not signing.answered.is_set()
        assert b"close this window" in urllib.request.urlopen(back).read()
        assert signing.answered.wait(5)
        secret = signing.secret()
        assert login(Shelf(s=secret), kind="google").proof().value == "access-2"
    exchanged = google.asked[0]
    assert (exchanged["code"], exchanged["redirect_uri"]) == ("the-code", asked["redirect_uri"])
    assert len(exchanged["code_verifier"]) >= 43


def test_a_person_who_says_no_at_google_is_a_refusal():
    with TokenEndpoint() as google, GoogleSignIn.of_file(client_file(google), ANA) as signing:
        state = parse_qs(urlsplit(signing.url).query)["state"][0]
        assert signing.take(f"http://127.0.0.1/?error=access_denied&state={state}")
        with pytest.raises(MailboxRefused, match="access_denied"):
            signing.secret()


def test_only_a_client_for_desktops_can_sign_in():
    with pytest.raises(SettingsInvalid, match="Desktop app"):
        GoogleSignIn.of_file('{"web": {"client_id": "c"}}', ANA)
