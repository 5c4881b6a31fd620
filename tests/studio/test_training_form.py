"""What the form of a run makes of files that come to it."""

import gradio as gr
from gradio.data_classes import ImageData

from studio.tabs.training_form import build_form
from studio.teaching.jobs import Jobs
from studio.teaching.orders import Places
from tests.conftest import ROOT


def test_the_form_hands_a_photo_on_unopened(tmp_path, monkeypatch) -> None:
    def opened(*_, **__):
        raise AssertionError("a file was opened outside of engine.structures.decoding")

    monkeypatch.setattr("PIL.Image.open", opened)
    with gr.Blocks():
        form = build_form(Jobs(Places(tmp_path, ROOT / "assets" / "weights")))
    (tmp_path / "photo.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n")
    assert form.probe_photo.preprocess(ImageData(path=str(tmp_path / "photo.jpg"))) == str(tmp_path / "photo.jpg")
    assert form.probe_photo.preprocess(None) is None
