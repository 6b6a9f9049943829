"""Which knob? Everything that may differ from one installation to the next.

A value comes from the environment (``CADENZA_…``), else from ``cadenza.toml`` in the working folder, else from here.
"""

from __future__ import annotations

from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    PositiveInt,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from cadenza.domain.answers import AnswerPolicy
from cadenza.domain.guard import GuardPolicy
from cadenza.domain.opt_out import OptOutScope
from cadenza.domain.sequence import Tracking
from cadenza.domain.throttle import Limit
from cadenza.domain.zones import zone_named
from cadenza.errors import NotFound, SettingsInvalid


class MailLimit(BaseModel):
    """At most ``count`` mails of one mailbox in any ``seconds`` (a rolling window)."""

    count: PositiveInt
    seconds: PositiveInt


class ConnectorEntry(BaseModel):
    """Another system that contacts come from; what is not named here are options of its kind."""

    model_config = ConfigDict(extra="allow")

    #: hubspot, sql, or a class of one's own as ``module:Class``.
    kind: str
    #: The static list that all of its contacts come onto; empty: the connector's name.
    list_name: str = ""
    #: Lists whose members come with every sync, onto static lists of the same names.
    lists: tuple[str, ...] = ()
    #: Whether a sync brings all contacts, or only those of the lists.
    all_contacts: bool = True
    #: From a column to a field, to a property, or to ``-`` (left out).
    mapping: dict[str, str] = {}


class Settings(BaseSettings):
    """The settings of one installation."""

    model_config = SettingsConfigDict(env_prefix="CADENZA_", toml_file="cadenza.toml", extra="forbid")

    #: Where the embedded database, the mail sink, keys and reports live.
    home: Path = Path(".cadenza")
    #: A PostgreSQL of your own (15 or newer); empty: the embedded one under ``home``.
    database_url: SecretStr | None = None
    #: Connections one process may hold.
    database_pool_size: PositiveInt = 8
    #: The folder of sequence definitions (YAML) that ``up`` and ``demo`` load.
    sequences_folder: Path = Path("examples/sequences")
    #: Where people reach the public pages; unsubscribe links start with it. Not set: follows ``web_port``.
    public_url: str = Field("http://127.0.0.1:8710", pattern=r"^https?://[^\s?#]+$")
    #: Signs links; empty: made once and kept in ``home``/secret.key (mode 0600).
    secret_key: SecretStr | None = None
    #: Encrypts stored passwords and refresh tokens; empty: made once and kept in ``home``/secrets.key (mode 0600).
    secrets_key: SecretStr | None = Field(None, min_length=32)

    prefect_port: int = Field(4200, ge=1, le=65535)
    sink_port: int = Field(2525, ge=1, le=65535)
    #: The public pages listen here; for people outside a reverse proxy with HTTPS stands before them.
    web_port: int = Field(8710, ge=1, le=65535)
    web_host: str = "127.0.0.1"
    #: Proxies that are believed when they say for whom they ask (X-Forwarded-For): addresses or networks.
    trusted_proxies: list[IPvAnyNetwork] = [ip_network("127.0.0.0/8"), ip_network("::1")]
    #: Requests to the public pages in a minute: with one link of ours, and without from one client address.
    web_requests_per_minute: PositiveInt = 120
    #: Requests to the API in a minute with one key.
    api_requests_per_minute: PositiveInt = 1_200
    #: Web pages whose scripts may call the API from a browser, such as a mailbox add-in's: https://addin.example.com.
    api_origins: list[str] = []
    #: Signs events that come in; empty: made of ``secret_key``.
    events_key: SecretStr | None = Field(None, min_length=32)
    #: Sites whose pages may send their views: https://www.example.com.
    event_origins: list[str] = []
    #: How long what contacts did is kept; trying an automation looks at no more.
    events_kept_days: PositiveInt = 60
    #: How long one run of automate looks after rules; the next one begins before.
    automate_seconds: PositiveInt = 330

    #: Every limit of a mailbox holds at once (HubSpot: 3 a minute in bulk, 500 or 1,000 in rolling 24 hours).
    mailbox_limits: list[MailLimit] = [MailLimit(count=3, seconds=60), MailLimit(count=500, seconds=86_400)]
    #: Beyond the daily limit: ``hold`` gives the contact its later slot, ``refuse`` is HubSpot's way.
    over_daily_limit: Literal["hold", "refuse"] = "hold"
    #: What to do with info@, sales@ and the like.
    role_addresses: Literal["allow", "warn", "refuse"] = "warn"
    #: Whom a company, deal, ticket or other record stands for: its ``primary`` contact, or ``all`` of its contacts.
    record_contacts: Literal["primary", "all"] = "primary"
    #: Days between two sequences for one contact; 0: none.
    cooldown_days: int = Field(0, ge=0)
    #: The most contacts in one enrollment of a list.
    batch_limit: PositiveInt = 1_000_000
    #: The most contacts that a person enrolls at once, named one by one or out of a draft; HubSpot's dialog takes 50.
    interactive_limit: PositiveInt = 50
    #: Properties that every contact gets when it is enrolled, such as {"lifecycle_stage" = "contacted"}; none: nothing
    #: of a contact is touched.
    properties_on_enrollment: dict[str, str] = {}
    #: The largest mail, its attachments included, in megabytes; a mailbox's provider may take less.
    largest_mail_mb: PositiveInt = 35
    #: The time zone of last resort.
    default_time_zone: str = "UTC"

    #: Up to this many steps of a wave each get a flow run of their own.
    watch_as_flows_up_to: int = Field(100, ge=0)
    #: Up to this many each get a task run; beyond, the wave shows counts only.
    watch_as_tasks_up_to: int = Field(5_000, ge=0)
    #: Steps claimed in one transaction.
    claim_size: PositiveInt = 500
    #: How long a claim holds before recovery may take it.
    lease_seconds: PositiveInt = 900
    #: Messages of one connection covered by one commit before the first is sent: what a crash makes uncertain.
    send_window: PositiveInt = 1
    #: Connections to mail servers at once in one process.
    connections: PositiveInt = 16
    #: How long to wait for the answer to the final dot (RFC 5321, 4.5.3.2.6).
    dot_timeout_seconds: PositiveInt = 600
    #: How long a mail may be invisible to the witness before it is sent again.
    witness_grace_seconds: int = Field(900, ge=0)
    #: How long a witness may be out of reach before a person has to decide about the mails that it should show.
    witness_patience_seconds: int = Field(86_400, ge=0)
    #: A mailbox is not probed again within so many minutes.
    probe_minutes: int = Field(15, ge=0)
    #: Tries of a mail that the server defers before it counts as failed.
    max_attempts: PositiveInt = 8
    #: A wave waits this long for the next free slot before it hands over to a later run.
    wave_patience_seconds: int = Field(90, ge=0)
    #: A wave hands over to a new run after this long.
    wave_longest_seconds: PositiveInt = 600
    #: And after this long if waves of other zones are due and wait for a place.
    wave_turn_seconds: PositiveInt = 60
    #: Waves of more steps are spread over several runs, which workers on several machines share.
    wave_shard_steps: PositiveInt = 20_000

    #: How long one run of watch-mailboxes watches; the next one begins before, so that no mailbox is left alone.
    watch_seconds: PositiveInt = 330
    #: Mailboxes that one run watches at once.
    watch_mailboxes: PositiveInt = 500
    #: Folders beside the inbox, and mailboxes without any enrollment, are looked into every so many seconds.
    watch_poll_seconds: PositiveInt = 60
    #: A wave waits this long for its mailboxes to be read; it claims nothing for those that do not answer.
    answers_patience_seconds: PositiveInt = 20
    #: How long an auto-reply that names no day holds the next step; 0: not at all.
    absence_days: int = Field(7, ge=0)
    #: The longest that an auto-reply may hold it.
    longest_absence_days: PositiveInt = 90
    #: So many soft bounces of a contact within so many days are taken for a hard one.
    soft_bounces_until_hard: PositiveInt = 5
    soft_bounce_days: PositiveInt = 30
    #: Who asks by mail to be written to no more is spared by everybody (``all``), or by this sender (``sender``).
    opt_outs_by_mail: OptOutScope = OptOutScope.ALL

    #: Where one's own connectors are, and files that connectors name.
    connectors_folder: Path = Path()
    #: Other systems that contacts come from, by name.
    connectors: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], ConnectorEntry] = {}

    #: Whether opens and clicks are noted in sequences that do not say so themselves.
    track_opens: bool = False
    track_clicks: bool = False

    #: The guard looks at the mails of so many days, as soon as there are so many of them.
    guard_days: PositiveInt = 7
    guard_least_mails: PositiveInt = 50
    #: It pauses a mailbox or a sequence at so many bounces or complaints, if they are more than a share of the mails.
    guard_least_count: PositiveInt = 2
    guard_bounce_percent: float = Field(5.0, ge=0, le=100)
    guard_complaint_percent: float = Field(0.3, ge=0, le=100)

    @field_validator("default_time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        zone = zone_named(name)
        if zone is None:
            raise ValueError(f"{name!r} is no time zone: write one such as Europe/Berlin")
        return zone

    @field_validator("public_url")
    @classmethod
    def _leads_somewhere(cls, url: str) -> str:
        place = urlsplit(url)
        if not place.hostname or place.port == 0:
            raise ValueError("there is no host in it: write https://mail.example.com")
        return url.rstrip("/")

    @field_validator("event_origins")
    @classmethod
    def _are_origins(cls, origins: list[str]) -> list[str]:
        for origin in origins:
            place = urlsplit(origin.rstrip("/"))
            if place.scheme not in ("http", "https") or not place.netloc or place.path or place.query:
                raise ValueError(f"{origin!r} is no origin: write https://www.example.com")
        return [origin.lower().rstrip("/") for origin in origins]

    @model_validator(mode="after")
    def _follow_the_port(self) -> Settings:
        if "public_url" not in self.model_fields_set:
            self.public_url = f"http://127.0.0.1:{self.web_port}"
        return self

    def connector(self, name: str) -> ConnectorEntry:
        """What the settings say of a connector.

        Raises:
            NotFound: names those that there are.
        """
        if name not in self.connectors:
            known = f"is it {' or '.join(sorted(self.connectors))}?" if self.connectors else "there is none yet:"
            raise NotFound(f"There is no connector {name!r}: {known} Write [connectors.{name}] into cadenza.toml.")
        return self.connectors[name]

    @property
    def limits(self) -> list[Limit]:
        """The limits of mailboxes that have none of their own."""
        return [Limit(limit.count, limit.seconds) for limit in self.mailbox_limits]

    @property
    def answers(self) -> AnswerPolicy:
        """What follows from answers."""
        return AnswerPolicy(
            self.absence_days,
            self.longest_absence_days,
            self.soft_bounces_until_hard,
            self.soft_bounce_days,
            self.opt_outs_by_mail,
        )

    @property
    def tracking(self) -> Tracking:
        """What is noted of the mails of sequences that do not say so themselves."""
        return Tracking(self.track_opens, self.track_clicks)

    @property
    def guard(self) -> GuardPolicy:
        """How many bounces and complaints may pass."""
        return GuardPolicy(
            self.guard_days,
            self.guard_least_mails,
            self.guard_least_count,
            self.guard_bounce_percent,
            self.guard_complaint_percent,
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then cadenza.toml."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


@cache
def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        SettingsInvalid: names each wrong value and what it may be.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in error.errors()
        )
        raise SettingsInvalid(f"cadenza.toml or CADENZA_…: {problems}. See docs/configuration.md.") from error
