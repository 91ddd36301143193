"""Addresses: the list, and the refusals that win over it."""

import pytest

from knowledge.citations import check_url


@pytest.mark.parametrize(
    "url",
    [
        "https://www.iom.int/family-reunification",
        "https://iom.int",
        "https://HELP.unhcr.org/iraq/en/help/",
        "https://emergencymanual.iom.int/a/b.pdf?lang=ar#part-2",
        "https://www.infomigrants.net/en/post/1",
        "https://immigration-portal.ec.europa.eu/index_en",
        "https://www.immigration.govt.nz/new-zealand-visas",
        "https://help.unhcr.org:443/global",
        "https://publications.iom.int/system/files/pdf/report-v1.2.en.pdf",
    ],
)
def test_owners_pages_may_be_cited(url: str) -> None:
    assert check_url(url) is None


@pytest.mark.parametrize(
    ("url", "because"),
    [
        ("http://www.iom.int/", "https://"),
        ("ftp://iom.int/x", "https://"),
        ("www.iom.int", "https://"),
        ("", "https://"),
        ("https://", "https://"),
        ("https://iom.int.evil.com/", "not on the list"),
        ("https://notiom.int/", "not on the list"),
        ("https://iomtehran.net/", "not on the list"),
        ("https://xn--om-hka.int/", "not on the list"),
        ("https://test-cms.who.int/x", "test site (test)"),
        ("https://who-sandbox.who.int/", "test site (sandbox)"),
        ("https://staging.help.unhcr.org/", "test site (staging)"),
        ("https://trace-test-pp.icrc.org/", "test site"),
        ("https://freeb.infomigrants.net/", "test site (freeb)"),
        ("https://infomigrants.net/", "not on the list"),
        ("https://en.wikipedia.org/wiki/Asylum", "not on the list"),
        ("https://webarchive.archive.unhcr.org/2020/", "archive"),
        ("https://www.iom.int/redirect?to=https://evil.com", "another address"),
        ("https://www.iom.int/redirect?to=https%3A%2F%2Fevil.com", "another address"),
        ("https://www.iom.int/proxy/www.unhcr.org/page", "another address"),
        ("https://www.iom.int/go?u=evil.com", "another address"),
        ("https://help.unhcr.org/iraq/wp-json/wp/v2/pages", "machines"),
        ("https://help.unhcr.org/node/12/flag/x", "machines"),
        ("https://iom.int@evil.com/", "user name"),
        ("https://iom.int:8443/", "port"),
        ("https://iom.int:port/", "not a web address"),
        ("https://iom.int/a b", "space"),
        ("https://iom.int\\.evil.com/", "space or an invisible"),
        ("https://iom\u200b.int/", "invisible"),
    ],
)
def test_others_may_not(url: str, because: str) -> None:
    reason = check_url(url)
    assert reason is not None
    assert because in reason
