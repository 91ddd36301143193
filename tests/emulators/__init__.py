"""Stand-ins for services that the tests must not reach: so far Telegram's Bot API."""
