"""Everything that can go wrong, by what the caller should do.

* WaypostError                 message defaults to the class docstring; ``code`` is stable and logged
  x Unavailable                  try later; the turn degrades
    - NluUnavailable               - StorageUnavailable           - RetrievalUnavailable
    - TelegramUnavailable(retry_after_s, ambiguous)
  x Undeliverable                never retry this message; tell the caseworker
    - PersonUnreachable            - TopicMissing                 - TopicClosed
    - GroupMigrated(new_chat_id)   - DeskUnavailable              - MessageRefused
  x InvalidInput                 tell the person or the operator what to change
    - InvalidSettings              - KeyFileMissing               - UnknownCode              - WrongCredentials(wait)
  x Conflict                     reload and retry, or tell who was first
    - CaseAlreadyClaimed(by)       - InvalidTransition            - VersionConflict         - LeaseLost
"""

from datetime import timedelta


class WaypostError(Exception):
    """Something went wrong."""

    code = "error"

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class Unavailable(WaypostError):
    """A part the assistant relies on does not answer; try again later."""

    code = "unavailable"


class NluUnavailable(Unavailable):
    """The NLU server does not answer."""

    code = "nlu_unavailable"


class RetrievalUnavailable(Unavailable):
    """The passage index cannot be searched."""

    code = "index_unavailable"

    def __init__(self, state: str, message: str = "") -> None:
        super().__init__(message)
        self.state = state
        """Named degraded state: index_missing, index_stale, index_corrupt or encoder_unavailable."""


class StorageUnavailable(Unavailable):
    """The database cannot be written to."""

    code = "storage_unavailable"


class TelegramUnavailable(Unavailable):
    """Telegram did not take the request; the same request may be tried again."""

    code = "telegram_unavailable"

    def __init__(self, message: str = "", *, retry_after_s: float | None = None, ambiguous: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """Seconds Telegram asked us to wait for this chat; None when it did not say."""
        self.ambiguous = ambiguous
        """True when the request may have taken effect: a retry can repeat the message."""


class Undeliverable(WaypostError):
    """This message cannot be delivered as it is."""

    code = "undeliverable"


class PersonUnreachable(Undeliverable):
    """The person blocked the assistant or deleted their account."""

    code = "person_unreachable"


class TopicMissing(Undeliverable):
    """The forum topic of the case does not exist any more."""

    code = "topic_missing"


class TopicClosed(Undeliverable):
    """The forum topic of the case is closed."""

    code = "topic_closed"


class GroupMigrated(Undeliverable):
    """The staff group was turned into a supergroup with another id."""

    code = "group_migrated"

    def __init__(self, new_chat_id: int) -> None:
        super().__init__(f"The staff group has the new id {new_chat_id}.")
        self.new_chat_id = new_chat_id


class DeskUnavailable(Undeliverable):
    """The staff group refuses us: the assistant was removed, is no administrator, or the group has no topics."""

    code = "desk_unavailable"


class MessageGone(Undeliverable):
    """The message that was to be changed is not there any more."""

    code = "message_gone"


class MessageRefused(Undeliverable):
    """Telegram refuses this very message."""

    code = "message_refused"


class InvalidInput(WaypostError):
    """A value cannot be used as it is."""

    code = "invalid_input"


class InvalidSettings(InvalidInput):
    """A setting cannot be used."""

    code = "invalid_settings"


class KeyFileMissing(InvalidInput):
    """The database holds rows, but the key file that can read them is missing."""

    code = "key_file_missing"


class UnknownCode(InvalidInput):
    """This one-time code is unknown, used or expired."""

    code = "unknown_code"


class WrongCredentials(InvalidInput):
    """Name, password or one-time code is wrong."""

    code = "wrong_credentials"

    def __init__(self, *, wait: timedelta | None = None) -> None:
        super().__init__()
        self.wait = wait
        """How long no sign-in under this name is looked at; None when the next one is."""


class Conflict(WaypostError):
    """Somebody or something else was faster."""

    code = "conflict"


class CaseAlreadyClaimed(Conflict):
    """Another caseworker has this case."""

    code = "case_already_claimed"

    def __init__(self, by: str) -> None:
        super().__init__(f"This case is with {by}.")
        self.by = by


class InvalidTransition(Conflict):
    """The case is in a state in which this cannot be done."""

    code = "invalid_transition"

    def __init__(self, message: str = "", *, why: str = "") -> None:
        super().__init__(message)
        self.why = why
        """Name of the reason, for those who say it in other words or another language; empty where it has none."""


class VersionConflict(Conflict):
    """The row was changed since it was read."""

    code = "version_conflict"


class LeaseLost(Conflict):
    """Another worker has taken over this item."""

    code = "lease_lost"
