"""What the assistant is about: pure values and rules, no I/O, no clock, no randomness."""
