"""``make demo`` as a stranger meets it: a question, an answer, a cry for help, a hand-over, in one page."""

import asyncio
import os
import signal
import sys
import urllib.request
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

ROOT = Path(__file__).resolve().parents[2]
PAGE, READY = "http://127.0.0.1:8090/", "http://127.0.0.1:8080/sign-in"
PREPARED_WITHIN_S = 240
ANSWERED_WITHIN_MS = 60_000


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.nlu
@pytest.mark.slow
async def test_a_stranger_sees_a_question_an_answer_an_emergency_and_a_hand_over(browser: Browser) -> None:
    if not (ROOT / "var" / "data" / "waypost.db").exists():
        pytest.skip("nothing is set up here: make setup")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WAYPOST_")}
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "emulators.demo", cwd=ROOT, env=kept | {"PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"},
        stdout=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PREPARED_WITHIN_S):
            while not (await asyncio.to_thread(_answers, PAGE) and await asyncio.to_thread(_answers, READY)):
                assert demo.returncode is None, "the demonstration ended by itself"
                await asyncio.sleep(1)
        page = await (await browser.new_context(viewport={"width": 1280, "height": 900})).new_page()
        await page.goto(PAGE)
        phone, topic = page.locator("#phone"), page.locator("#topic")
        await expect(page.get_by_role("button", name="Ask a question")).to_be_enabled(timeout=2 * ANSWERED_WITHIN_MS)
        await page.get_by_role("button", name="Ask a question").click()
        await expect(phone).to_contain_text("help.unhcr.org", timeout=ANSWERED_WITHIN_MS)
        await page.get_by_role("button", name="Cry for help").click()
        await expect(phone).to_contain_text("case number", timeout=ANSWERED_WITHIN_MS)
        await expect(topic).to_contain_text("the engine stopped", timeout=ANSWERED_WITHIN_MS)
        await topic.get_by_role("button", name="Claim").click()
        await expect(topic).to_contain_text("Claimed by caseworker-1", timeout=ANSWERED_WITHIN_MS)
        await page.locator("#group-text").fill("I am Lea, a person. Stay together, I have called the coast guard.")
        await page.locator("#group-form button").click()
        await expect(phone).to_contain_text("I have called the coast guard", timeout=ANSWERED_WITHIN_MS)
        if pictures := os.environ.get("WAYPOST_TEST_PICTURES"):
            await page.screenshot(path=Path(pictures) / "demo.png", full_page=True)
        code = await page.locator("#accounts tr").first.locator("td").nth(2).inner_text()
        desk = await (await browser.new_context(locale="en-GB")).new_page()
        await desk.goto("http://127.0.0.1:8080/cases")
        await desk.locator("#name").fill("caseworker-1")
        await desk.locator("#password").fill("four unrelated words here")
        await desk.locator("#code").fill(code)
        await desk.locator("article button").click()
        await expect(desk.locator("#queue")).to_contain_text("caseworker-1")
    finally:
        if demo.returncode is None:
            os.killpg(demo.pid, signal.SIGTERM)
        await asyncio.wait_for(demo.wait(), 60)
