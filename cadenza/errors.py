"""What can go wrong on purpose? Every exception raised by Cadenza itself.

The class docstring is the default message. A message names the thing, the cause and the remedy.
"""

from __future__ import annotations


class CadenzaError(Exception):
    """Cadenza could not do what was asked."""

    #: Whether waiting and trying again may help.
    transient = False
    #: The exit code of the command line: 1 did not do it, 2 wrong use.
    exit_code = 1

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class WrongUse(CadenzaError):
    """The call does not make sense as it is: see --help."""

    exit_code = 2


class BatchTooLarge(CadenzaError):
    """More contacts are named one by one than a person enrolls at once: put them on a list."""


class NotRunning(CadenzaError):
    """Cadenza is not running in this folder: start it with 'cadenza up', or set PREFECT_API_URL."""


class AlreadyRunning(CadenzaError):
    """Cadenza is already running in this folder: use it, or stop it first."""


class PortInUse(CadenzaError):
    """The port is taken by another program: choose another one."""


class ChildFailed(CadenzaError):
    """A program that Cadenza needs ended: see its log under .cadenza/logs."""


class RunFailed(CadenzaError):
    """The run failed: see it in the Prefect UI."""


class DatabaseUnavailable(CadenzaError):
    """The database does not answer: check CADENZA_DATABASE_URL and that PostgreSQL runs."""

    transient = True


class DiskFull(DatabaseUnavailable):
    """The disk is full: free some space; nothing that was stored is lost."""


class RowsRefused(CadenzaError):
    """The database refused what was to be stored; nothing was. Please report it."""


class SettingsInvalid(CadenzaError):
    """The settings are not valid."""

    exit_code = 2


class SecretMissing(SettingsInvalid):
    """A password that a mailbox names is not where it should be: connect the mailbox again."""


class SecretUnreadable(SettingsInvalid):
    """The key of this installation does not open its secrets: set the key that they were stored with."""


class NotFound(CadenzaError):
    """There is no such thing."""

    exit_code = 2


class SourceUnreadable(CadenzaError):
    """The file cannot be read as a list of contacts."""

    exit_code = 2


class SourceContractBroken(CadenzaError):
    """The file breaks its contract; nothing was imported."""


class FilterInvalid(CadenzaError):
    """The filter of the segment is not valid."""

    exit_code = 2


class SequenceInvalid(CadenzaError):
    """The sequence definition is not valid."""

    exit_code = 2


class OverrideInvalid(CadenzaError):
    """An option of the enrollment does not make sense."""

    exit_code = 2
    #: The option, as the API names it ("steps.2.subject"), and the refusal code of a contact that has it.
    field = ""
    code = "OVERRIDE_INVALID"

    @classmethod
    def of(cls, field: str, problem: str, code: str = "OVERRIDE_INVALID") -> OverrideInvalid:
        """The error that names the option."""
        error = cls(f"{field}: {problem}")
        error.field, error.code = field, code
        return error


class TemplateInvalid(CadenzaError):
    """The template uses something that templates may not use."""

    exit_code = 2
    #: Each line of the template with what is wrong there.
    problems: tuple[tuple[int, str], ...] = ()

    @classmethod
    def at(cls, *problems: tuple[int, str]) -> TemplateInvalid:
        """The error that names these lines."""
        error = cls("; ".join(f"line {line}: {problem}" for line, problem in problems))
        error.problems = problems
        return error


class TokenMissing(CadenzaError):
    """A token of the template has no value for this contact: fill it, or give the token a default."""


class KeyInvalid(CadenzaError):
    """The API key is none of this installation: make one with 'cadenza key create'."""


class NotAllowed(CadenzaError):
    """The API key may not do this: make one with the scope that is named."""


class UsedForOther(CadenzaError):
    """The Idempotency-Key was used for another request: choose a new one for each request."""


class StillWorking(CadenzaError):
    """The first request with this Idempotency-Key is not answered yet: ask again in a moment."""

    transient = True


class LinkInvalid(CadenzaError):
    """The link was not signed by this installation."""


class ConnectorRefused(CadenzaError):
    """The other system does not let the connector in: check its token and what it may read."""


class ConnectorUnavailable(CadenzaError):
    """The other system does not answer: start the sync again, it goes on where it was."""

    transient = True


class SyncOvertaken(CadenzaError):
    """Another sync of this connector went on meanwhile: nothing was imported twice. Let one of them end."""


class MailServerUnavailable(CadenzaError):
    """The mail server does not answer: its mails wait and are tried again."""

    transient = True


class MailboxRefused(CadenzaError):
    """The mail server does not let this mailbox in: check the user name and password, then reconnect it."""


class ContractsDisagree(CadenzaError):
    """The audit counted something else than the engine decided: nothing was enrolled. Please report this."""


class RehearsalStuck(CadenzaError):
    """Steps of the rehearsal are due, but nothing runs them. Please report this."""


class ContractsBroken(CadenzaError):
    """What is stored breaks a contract: see the data-quality report."""
