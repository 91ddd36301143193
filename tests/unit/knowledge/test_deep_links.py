"""The address that opens a document where a passage stands."""

import pytest

from knowledge.citations import deep_link

PDF, PAGE = "https://www.iom.int/a.pdf", "https://www.iom.int/a"


@pytest.mark.parametrize(
    ("url", "page", "anchor", "expected"),
    [
        (PDF, 7, None, f"{PDF}#page=7"),
        (PDF, 7, "fees", f"{PDF}#page=7"),
        (PDF, None, "fees", PDF),
        ("https://www.iom.int/A.PDF?v=2", 7, None, "https://www.iom.int/A.PDF?v=2#page=7"),
        (PAGE, 7, None, PAGE),
        (PAGE, None, "fees", f"{PAGE}#fees"),
        (PAGE, 7, "fees", f"{PAGE}#fees"),
        (PAGE, None, "frais d'asile", f"{PAGE}#frais%20d'asile"),
        (PAGE, None, "رسوم", f"{PAGE}#%D8%B1%D8%B3%D9%88%D9%85"),
        (f"{PAGE}#top", None, "fees", f"{PAGE}#top"),
        (f"{PDF}#page=2", 7, None, f"{PDF}#page=2"),
        (f"{PAGE}#", None, "fees", f"{PAGE}#fees"),
        (PAGE, None, None, PAGE),
    ],
)
def test_a_link_opens_where_the_passage_stands(url: str, page: int | None, anchor: str | None, expected: str) -> None:
    assert deep_link(url, page, anchor) == expected
