import base64
import io

import pytest
from fake_predictor import FakePredictor, FakeSeen, FakeWord
from PIL import Image

from engine.structures.boxes import Boxes
from engine.structures.photo import Photo
from engine.structures.prediction import Candidate, Clues, PieceAnswer, Prediction, RegionAnswer, WordAnswer
from studio.examples import all_examples
from studio.views.answers import answers
from studio.views.clues import label_verdict, percent, verdict
from studio.views.photo import data_url
from studio.views.regions import chips, regions


@pytest.mark.parametrize(("probability", "shown"), [
    (1.0, "100 %"), (0.9996, ">99 %"), (0.624, "62 %"), (0.04, "4.0 %"), (0.0004, "<0.1 %"),
    (0.0, "<0.1 %")])
def test_a_percentage_is_never_more_sure_than_the_model(probability, shown):
    assert percent(probability) == shown


@pytest.mark.parametrize(("clues", "sentence"), [
    (Clues(0.62, 0.04, 0.55), "The picture did it: without it the model gives “dog” 4.0 % instead of 62 %."),
    (Clues(0.62, 0.55, 0.04), "The words did it: without them the model gives “dog” 4.0 % instead of 62 %."),
    (Clues(0.62, 0.04, 0.10),
     "It took both: “dog” falls from 62 % to 4.0 % without the picture and to 10 % without the words."),
    (Clues(0.80, 0.78, 0.75),
     "Either clue is enough: “dog” keeps 78 % without the picture and 75 % without the words."),
    (Clues(0.10, 0.40, 0.12), "The picture misled it: without it the model gives “dog” 40 % instead of 10 %."),
    (Clues(0.10, 0.12, 0.40), "The words misled it: without them the model gives “dog” 40 % instead of 10 %."),
    (Clues(0.62, 0.0001, 0.6), "The picture did it: without it the model gives “dog” under 0.1 % instead of 62 %."),
    (Clues(0.34, 0.74, 0.03),
     "The words did it, against the picture: “dog” has 34 % with both, 3.0 % without the words and 74 % without the "
     "picture."),
    (Clues(0.01, 0.02, 0.0), "No clue helps: the model gives “dog” 1.0 % with everything it has."),
    (Clues(0.2, 0.15, 0.15),
     "Neither clue weighs much: “dog” has 20 % with both, 15 % without the picture and 15 % without the words."),
])
def test_the_verdict_says_which_clue_did_it(clues, sentence):
    assert verdict("dog", clues) == sentence


@pytest.mark.parametrize(("clues", "sentence"), [
    (Clues(0.1, 0.008, 0.27), "The caption lowers the probability of the detector’s label “dog”: 10 % with both, "
                               "0.8 % without the picture and 27 % without the caption."),
    (Clues(0.17, 0.01, 0.45), "The picture raises the probability of the detector’s label “dog”, the caption lowers "
                              "it: 17 % with both, 1.0 % without the picture and 45 % without the caption."),
    (Clues(0.6, 0.1, 0.2), "Picture and caption both raise the probability of the detector’s label “dog”: 60 % with "
                           "both, 10 % without the picture and 20 % without the caption."),
    (Clues(0.2, 0.25, 0.18), "Neither clue changes the probability of the detector’s label “dog” by much: 20 % with "
                             "both, 25 % without the picture and 18 % without the caption."),
    (Clues(0.01, 0.02, 0.0), "The model gives the detector’s label “dog” only 1.0 % with everything it has."),
])
def test_of_a_region_the_verdict_is_about_the_detectors_label_and_no_clue_is_said_to_mislead(clues, sentence):
    assert label_verdict("dog", clues) == sentence


def test_a_prediction_becomes_plain_json_with_the_detectors_label_marked_as_no_truth():
    best = (Candidate("cat", 0.5), Candidate("dog", 0.3), *(Candidate(w, 0.01) for w in "abcd"))
    shown = answers(Prediction((), (RegionAnswer(3, "dog", best, 0.3, 2, Clues(0.3, 0.1, 0.2)),), "pixels"))
    region = shown["regions"][0]
    assert shown["masking"] == "pixels" and shown["words"] == []
    assert not any(c["true"] for c in region["best"])
    assert [c["label"] for c in region["best"]] == [False, True, False, False, False]
    assert (region["target"], region["truth"]) == ("Detector’s label", "dog")
    assert region["guess"] == {"text": "cat", "percent": "50 %"}
    assert (region["rank"], region["percent"]) == (2, "30 %")
    assert [c["name"] for c in region["clues"]] == ["with every clue", "without the picture", "without the caption"]
    assert region["spoken"] == ("The region labelled dog is hidden: the model says cat, 50 %. "
                                "The detector’s label has rank 2.")


def test_a_word_of_several_pieces_is_guessed_piece_by_piece():
    first = PieceAnswer(2, "skate", (Candidate("skate", 0.8),))
    last = PieceAnswer(3, "##boarder", (Candidate("##board", 0.5), Candidate("##boarder", 0.4)))
    word = WordAnswer(1, "Skateboarder", last.best, 0.32, 2, Clues(0.32, 0.1, 0.1), (first, last))
    shown = answers(Prediction((word,), (), "feature"))["words"][0]
    assert shown["guess"] == {"text": "skateboard", "percent": "40 %"}
    assert [(c["text"], c["true"]) for c in shown["best"]] == [("…board", False), ("…boarder", True)]
    assert shown["note"] == "The model reads this word as skate + …boarder; the list is about the last piece."


def test_a_literal_mask_has_guesses_and_no_truth():
    word = WordAnswer(1, "", (Candidate("dog", 0.5),), 0.0, 0, Clues(0, 0, 0), ())
    shown = answers(Prediction((word,), (), "feature"))["words"][0]
    assert not shown["known"] and "clues" not in shown and shown["spoken"] == "Hidden: the model says dog, 50 %."


def test_a_word_outside_the_vocabulary_keeps_its_name_and_has_no_true_answer():
    word = WordAnswer(3, "", (Candidate("balloon", 0.1),), 0.0, 0, Clues(0, 0, 0),
                      (PieceAnswer(4, "[UNK]", (Candidate("balloon", 0.1),)),), "🔴", readable=False)
    shown = answers(Prediction((word,), (), "feature"))["words"][0]
    assert (shown["title"], shown["known"], shown["guess"]["text"]) == ("🔴", False, "balloon")
    assert shown["note"] == ("The model’s vocabulary does not hold “🔴”: while it is visible, the model sees [UNK] in "
                             "its place. So there is no true answer to compare with.")


def test_a_caption_is_cut_without_losing_a_character():
    caption = "  a 🐕 <script>, 狗!"
    words = [FakeWord("a", 2, 3), FakeWord("🐕", 4, 5), FakeWord("script", 7, 13), FakeWord("狗", 16, 17)]
    cut = chips(caption, words)
    assert "".join(w["before"] + w["text"] for w in cut["words"]) + cut["after"] == caption
    assert cut["note"] == ""


def test_words_that_the_vocabulary_does_not_hold_are_named_while_they_are_visible():
    words = [FakeWord("🔴", 0, 1, readable=False), FakeWord("a" * 120, 2, 122, readable=False),
             FakeWord("🔴", 123, 124, readable=False)]
    cut = chips(f"🔴 {'a' * 120} 🔴", words)
    assert cut["note"] == (f"The model's vocabulary does not hold “🔴” and “{'a' * 24}…”: "
                           "it sees [UNK] in their place.")
    assert [w["readable"] for w in cut["words"]] == [False] * 3


def test_regions_start_with_the_whole_picture(photo):
    shown = regions(FakePredictor(count=2).see(photo()))
    assert shown[0]["label"] == "whole picture" and len(shown) == 3
    assert [(r["percent"], r["score"]) for r in shown[1:]] == [("48 %", 0.97), ("47 %", 0.94)]
    assert all(0 <= v <= 1 for r in shown for v in r["box"])


def test_boxes_that_repeat_a_surer_one_are_not_shown_at_first(photo):
    boxes = Boxes.from_fractions([[0, 0, 1, 1], [0, 0, 0.5, 0.5], [0, 0, 0.5, 0.45], [0, 0, 0.5, 0.45],
                                  [0.5, 0.5, 0.9, 0.9]], 60, 40)
    seen = FakeSeen(photo(), boxes, ("whole picture", "dog", "dog", "cat", "dog"), (1.0, 0.7, 0.9, 0.6, 0.5),
                    (1.0,) * 5)
    assert [r["first"] for r in regions(seen)] == [False, False, True, False, True]
    assert sum(r["first"] for r in regions(FakePredictor(count=60).see(photo()))) == 12


def test_a_photo_is_shown_as_a_jpeg_of_bounded_size(photo):
    url = data_url(photo(width=5000, height=40))
    picture = Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))))
    assert picture.size == (1280, 10)


def test_eight_examples_open_and_each_hides_a_word_of_its_caption():
    assert len(all_examples()) == 8
    for example in all_examples():
        assert example.hide in example.caption.lower().replace(".", "").split()
        opened = Photo.open(example.read())
        assert max(opened.width, opened.height) <= 640 and len(example.read()) < 150_000
