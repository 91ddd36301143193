"""What each page does; which roles may open it stands in :mod:`bot.console.pages`."""
