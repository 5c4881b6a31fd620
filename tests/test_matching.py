"""`evaluate matching` on drawn scenes, against asking for one word at a time and figures worked out by hand."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.cli import main
from engine.data import scenes
from engine.data.flickr8k import read
from engine.data.matching import read_matching
from engine.errors import DataError
from engine.measure.ranking import area_under_roc, preferred, ranks, retrieved
from engine.model.vlbert import VLBert
from engine.predictor import Predictor
from engine.structures.example import Example, Regions, collate
from engine.structures.photo import Photo
from engine.weights.store import save
from tests.tiny import CONFIG, write_tiny

PHOTOS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Three drawn pictures, pairs of two kinds and statements; each caption with that of the next picture."""
    folder = tmp_path_factory.mktemp("matching")
    scenes.write(folder, PHOTOS, seed=4)
    photos = read(folder, "train")
    names, texts = [photo.path.name for photo in photos], [photo.captions[0].text for photo in photos]
    pairs = [{"image": name, "caption": own, "negative": texts[(i + 1) % PHOTOS]}
             for i, (name, own) in enumerate(zip(names, texts, strict=True))]
    (folder / "sugarcrepe_train.json").write_text(json.dumps({"swap_obj": pairs[:1], "add_att": pairs[1:]}))
    (folder / "spatial_train.jsonl").write_text("".join(
        json.dumps({"image": name, "statement": f"The ball is {place} the tree.", "label": place == "under"}) + "\n"
        for name in names for place in ("under", "beside")))
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """Small weights whose configuration says that they learned to match."""
    folder = write_tiny(tmp_path_factory.mktemp("weights"))
    config = replace(CONFIG, pretraining=replace(CONFIG.pretraining, relationship=True))
    torch.manual_seed(1)
    model = VLBert.from_config(config)
    for norm in (model.embeddings.visual_text_norm, model.embeddings.visual_region_norm):
        torch.nn.init.ones_(norm.weight)  # fresh models do not use the regions
    save(model, folder / "tiny-vlbert.safetensors", config, kind="vlbert")
    return folder


def scores(predictor: Predictor, path: Path, text: str) -> dict[str, float]:
    """All scores of a sentence and a photo, one word at a time and one sequence at a time."""
    seen, found = predictor.see(Photo.open(path)), dict.fromkeys(("pll", "pll_none"), 0.0)
    for i, word in enumerate(predictor.words(text)):
        if any(c.isalnum() for c in word.text):
            clues = predictor.ask(seen, text, [i], []).words[0].clues
            found["pll"] += math.log(clues.everything)
            found["pll_none"] += math.log(clues.without_picture)
    found["gain"] = found["pll"] - found["pll_none"]
    for name, regions in (("match", seen.regions), ("match_none", Regions.none(2048))):
        pooled = predictor.model(collate([Example(predictor.pieces.caption(text).piece_ids, regions)])).pooled
        no, yes = predictor.model.heads.relationship(pooled)[0].tolist()
        found[name] = 1 / (1 + math.exp(no - yes))
    return found


@torch.inference_mode()
def test_every_figure_agrees_with_asking_one_by_one(folder, weights, tmp_path, in_float32) -> None:
    assert main(["evaluate", "matching", "--data", str(folder), "--split", "train", "--weights", str(weights),
                 "--pll-retrieval", "--json", str(tmp_path / "f.json")]) == 0
    figures, predictor = json.loads((tmp_path / "f.json").read_text()), Predictor.load(weights)
    kinds = {}
    for kind, pairs in json.loads((folder / "sugarcrepe_train.json").read_text()).items():
        own = [[scores(predictor, folder / "images" / pair["image"], pair[text]) for text in ("caption", "negative")]
               for pair in pairs]
        kinds[kind] = {name: sum(a[name] > b[name] for a, b in own) / len(own) for name in own[0][0]}
        assert figures["sugarcrepe"]["kinds"][kind] == {
            "matching": {"image": kinds[kind]["match"], "no_image": kinds[kind]["match_none"]},
            "pll": {"image": kinds[kind]["pll"], "no_image": kinds[kind]["pll_none"]},
            "gain": kinds[kind]["gain"], "n": len(pairs)}
    assert figures["sugarcrepe"]["mean"]["gain"] == pytest.approx(sum(k["gain"] for k in kinds.values()) / 2)
    statements = [json.loads(line) for line in (folder / "spatial_train.jsonl").read_text().splitlines()]
    found = [scores(predictor, folder / "images" / s["image"], s["statement"]) for s in statements]
    right = [(f["match"] >= 0.5) == s["label"] for f, s in zip(found, statements, strict=True)]
    assert figures["spatial"]["matching"]["image"]["accuracy"] == pytest.approx(sum(right) / len(right))
    wins = [a["gain"] > b["gain"] for a, s in zip(found, statements, strict=True) if s["label"]
            for b, t in zip(found, statements, strict=True) if not t["label"]]
    assert figures["spatial"]["gain"]["auc"] == pytest.approx(sum(wins) / len(wins))
    photos = read(folder, "train")
    table = [[scores(predictor, photo.path, other.captions[0].text) for other in photos] for photo in photos]
    for name, score in (("matching", "match"), ("gain", "gain")):
        by_photo = [1 + sum(table[i][j][score] > table[i][i][score] for j in range(PHOTOS)) for i in range(PHOTOS)]
        by_caption = [1 + sum(table[j][i][score] > table[i][i][score] for j in range(PHOTOS)) for i in range(PHOTOS)]
        for way, own in (("photo_to_caption", by_photo), ("caption_to_photo", by_caption)):
            assert figures["retrieval"][name][way]["recall_at_1"] == pytest.approx(own.count(1) / PHOTOS)
            assert figures["retrieval"][name][way]["median_rank"] == sorted(own)[1]


def test_without_a_trained_head_and_with_missing_files_the_rest_is_measured(folder, tmp_path, capsys) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in ("images", "spatial_train.jsonl"):
        (data / name).symlink_to(folder / name)
    command = ["evaluate", "matching", "--data", str(data), "--weights", str(write_tiny(tmp_path / "w")), "--limit",
               "2", "--json", str(tmp_path / "f.json"), "--split"]
    assert main([*command, "train"]) == 0
    figures, said = json.loads((tmp_path / "f.json").read_text()), capsys.readouterr().err
    assert figures["spatial"]["matching"] is None and figures["spatial"]["n"] == 2 and not figures["matching_head"]
    assert 0 <= figures["spatial"]["pll"]["image"]["auc"] <= 1
    assert "sugarcrepe" not in figures and "retrieval" not in figures
    assert "sugarcrepe_train.json is not there" in said and "were not trained to match" in said
    assert main([*command, "dev"]) == 2
    assert "holds none of sugarcrepe_dev.json, spatial_dev.jsonl, entities_dev.jsonl" in capsys.readouterr().err


def test_ranking_by_hand() -> None:
    assert preferred([(2, 1), (1, 2), (1, 1), (5, 0)]) == 0.625
    assert area_under_roc([0.9, 0.4, 0.4, 0.1], [True, True, False, False]) == 0.875
    table = torch.tensor([[3.0, 1.0, 2.0], [5.0, 4.0, 4.0], [0.0, 2.0, 1.0]])
    assert ranks(table) == [1.0, 2.5, 2.0] and ranks(torch.zeros(5, 5)) == [3.0] * 5
    assert retrieved([1, 2.5, 7, 40]) == {"recall_at_1": 0.25, "recall_at_5": 0.5, "recall_at_10": 0.75,
                                          "median_rank": 4.75}


@pytest.mark.parametrize("name, content, said", [
    ("sugarcrepe_dev.json", '{"swap_obj": [{"image": "a.jpg", "caption": "a dog"}]}',
     r"Pair 1 of swap_obj in .* is broken \(it has no 'negative'\)"),
    ("sugarcrepe_dev.json", '{"swap_obj": {}}', "swap_obj in .* must be a list of pairs"),
    ("sugarcrepe_dev.json", '{"swap_obj": []}', "holds no pair"),
    ("spatial_dev.jsonl", '{"image": "a.jpg", "statement": "a dog", "label": 1}', "label must be true or false"),
    ("spatial_dev.jsonl", "\n", "holds no statement")])
def test_a_broken_entry_is_named(tmp_path, name, content, said) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=said):
        read_matching(tmp_path, "dev")
