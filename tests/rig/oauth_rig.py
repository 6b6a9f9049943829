"""The mail server with logins by access token (XOAUTH2), each checked at the provider."""

from __future__ import annotations

from dataclasses import dataclass

from mail_rig import MailRig


@dataclass
class OAuthRig(MailRig):
    """The rig; ``check_url`` tells whose a token is."""

    check_url: str = ""

    def _write(self) -> None:
        super()._write()
        (self.folder / "oauth2.conf").write_text(
            f"tokeninfo_url = {self.check_url}?token=\nusername_attribute = email\n"
            "active_attribute = active\nactive_value = true\n"
        )
        path = self.folder / "dovecot.conf"
        written = path.read_text().replace("auth_mechanisms = plain login", "auth_mechanisms = plain login xoauth2")
        checked = f"driver = oauth2\n  mechanisms = xoauth2\n  args = {self.folder}/oauth2.conf"
        path.write_text(f"{written}\npassdb {{\n  {checked}\n}}\n")
