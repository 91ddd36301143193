"""What is made once and shown many times."""

from collections.abc import Callable

from bot.console.made import KEPT, Made


class Maker:
    """Makes a thing, and remembers that it was asked."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def of(self, thing: object) -> Callable[[], object]:
        def make() -> object:
            self.asked.append(thing)
            return thing

        return make


def test_a_thing_is_made_once_also_when_it_is_false() -> None:
    made, maker = Made(), Maker()
    for _ in range(3):
        assert made.once("folds", maker.of(False)) is False
        assert made.once(("row", 1), maker.of("html")) == "html"
    assert maker.asked == [False, "html"]


def test_no_more_is_kept_than_is_said_and_what_was_forgotten_is_made_anew() -> None:
    made, maker = Made(), Maker()
    for n in range(KEPT + 1):
        made.once(n, maker.of(n))
    assert made.once(KEPT, maker.of(KEPT)) == KEPT
    assert len(maker.asked) == KEPT + 1
    assert made.once(0, maker.of(0)) == 0
    assert maker.asked[-1] == 0
