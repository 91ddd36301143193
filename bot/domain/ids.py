"""Identifiers, told apart by type so that one cannot stand where another belongs."""

from typing import NewType

UpdateId = NewType("UpdateId", int)
"""Telegram's number of an update; unique per bot, rising but not gapless."""

ChatId = NewType("ChatId", int)
"""Telegram's chat id in clear. Lives in memory only: at rest it is a keyed hash plus ciphertext."""

PersonId = NewType("PersonId", int)
StaffId = NewType("StaffId", int)
CaseId = NewType("CaseId", int)
CaseMessageId = NewType("CaseMessageId", int)
PassageId = NewType("PassageId", int)
OutboxId = NewType("OutboxId", int)
BreakGlassId = NewType("BreakGlassId", int)
GapId = NewType("GapId", int)
TimerId = NewType("TimerId", int)
