"""One transaction, seen as repositories."""

from functools import cached_property

from bot.adapters.storage.accounts import SqlAccounts
from bot.adapters.storage.cases import SqlCases
from bot.adapters.storage.desk import SqlAudit, SqlButtons, SqlIncidents, SqlNotebook, SqlStaff
from bot.adapters.storage.figures import SqlFigures
from bot.adapters.storage.gaps import SqlGaps
from bot.adapters.storage.inbox import SqlInbox
from bot.adapters.storage.ledger import SqlLedger
from bot.adapters.storage.outbox import SqlOutbox
from bot.adapters.storage.people import SqlPeople, SqlTurns
from bot.adapters.storage.timers import SqlTimers
from bot.adapters.storage.vault import Vault


class SqlUnitOfWork:
    """UnitOfWork over one open connection; repositories are made when first used."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    @cached_property
    def inbox(self) -> SqlInbox:
        return SqlInbox(self._vault)

    @cached_property
    def outbox(self) -> SqlOutbox:
        return SqlOutbox(self._vault)

    @cached_property
    def people(self) -> SqlPeople:
        return SqlPeople(self._vault)

    @cached_property
    def turns(self) -> SqlTurns:
        return SqlTurns(self._vault)

    @cached_property
    def cases(self) -> SqlCases:
        return SqlCases(self._vault)

    @cached_property
    def timers(self) -> SqlTimers:
        return SqlTimers(self._vault)

    @cached_property
    def staff(self) -> SqlStaff:
        return SqlStaff(self._vault)

    @cached_property
    def buttons(self) -> SqlButtons:
        return SqlButtons(self._vault)

    @cached_property
    def notebook(self) -> SqlNotebook:
        return SqlNotebook(self._vault)

    @cached_property
    def audit(self) -> SqlAudit:
        return SqlAudit(self._vault)

    @cached_property
    def incidents(self) -> SqlIncidents:
        return SqlIncidents(self._vault)

    @cached_property
    def ledger(self) -> SqlLedger:
        return SqlLedger(self._vault)

    @cached_property
    def accounts(self) -> SqlAccounts:
        return SqlAccounts(self._vault)

    @cached_property
    def gaps(self) -> SqlGaps:
        return SqlGaps(self._vault)

    @cached_property
    def figures(self) -> SqlFigures:
        return SqlFigures(self._vault)
