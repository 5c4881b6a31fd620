"""A public page in a real browser: what is too large is refused in words that help, and nothing is lost."""

import numpy as np
import pytest
from pages import FAKE_APP, answered, notice, upload
from PIL import Image
from playwright.sync_api import expect

from studio.bench import served


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("public") / "runs"


@pytest.fixture(scope="module")
def public_url(runs):
    with served("--public", "--runs", str(runs), app=FAKE_APP) as (url, _):
        yield url


def test_a_public_page_offers_no_training(visit, public_url, runs):
    page = visit(public_url)
    expect(page.get_by_role("tab", name="Hide and see")).to_be_visible()
    expect(page.get_by_role("tab", name="Teach")).to_have_count(0)
    assert not runs.exists()


def test_an_adapter_or_a_photo_beyond_16_megabytes_is_refused_in_words_that_help(visit, public_url, tmp_path):
    page = visit(public_url)
    answered(page)
    noise = np.random.default_rng(0).integers(0, 256, (2500, 2500, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png", compress_level=0)
    upload(page, tmp_path / "noise.png")
    expect(notice(page)).to_contain_text("too large: at most 16 MB are taken here. Save a photo smaller")
    answered(page)
    page.get_by_role("tab", name="Ask, choose, point").click()
    said = page.locator('.tasks [data-part="notice-text"]')
    for megabytes, sentence in ((20, "of adapters, those tuned with lora or head fit"), (61, "at most 60 are taken"),
                                (15, "Something went wrong")):  # it reached the stand-in, which knows no adapters
        path = tmp_path / f"{megabytes}.safetensors"
        path.write_bytes(bytes(megabytes * 1024**2))
        page.locator('.tasks [data-part="adapter-file"]').set_input_files(str(path))
        expect(said).to_contain_text(sentence)
    assert page.problems == []
