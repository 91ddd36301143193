"""``make demo``: the whole service against the emulator, with one page that shows a person's chat beside the staff group."""
