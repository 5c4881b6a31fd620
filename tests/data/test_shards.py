"""Shards: what goes in comes out, each process gets its own, and what is broken is named."""

import io
import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli import main
from engine.data import shards as shards_module
from engine.data.flickr8k import read
from engine.data.shards import Skipped, dealt, stream, write
from engine.errors import ConfigError, DataError
from engine.structures import questions
from engine.structures.photo import Photo

COUNT = 10


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Ten photos of one grey each."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "images").mkdir()
    records = []
    for i in range(COUNT):
        Image.fromarray(np.full((24, 32, 3), 20 * i, np.uint8)).save(folder / "images" / f"photo.{i}.jpg")
        records.append({"image": f"photo.{i}.jpg", "width": 32, "height": 24,
                        "boxes": [{"entities": [7], "box": [0.1, 0.2, 0.5, 0.9]}],
                        "captions": [{"text": f"a grey thing number {i} , schön", "phrases": [
                            {"start": 0, "end": 12, "types": ["other"], "entity": 7}]}]})
    (folder / "entities_dev.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    return folder


@pytest.fixture
def shards(data: Path, tmp_path: Path) -> Path:
    assert len(write(data, "dev", tmp_path, 3)) == 4
    return tmp_path


def names(folder: Path, **settings) -> list[str]:
    return [photo.path.name for _, photo in stream(folder, **settings)]


def test_what_goes_in_comes_out(data: Path, shards: Path) -> None:
    expected = {p.path.name: p for p in read(data, "dev")}
    for jpeg, photo in stream(shards):
        own = expected.pop(photo.path.name)
        assert (photo.captions, photo.boxes, photo.width) == (own.captions, own.boxes, own.width)
        assert jpeg == own.path.read_bytes() and Photo.open(jpeg).width == 32
        assert photo.path.parent.suffix == ".tar"
    assert not expected


def test_shards_are_the_same_bytes_whenever_they_are_made(data: Path, tmp_path: Path) -> None:
    first, second = (write(data, "dev", tmp_path / name, 4) for name in ("a", "b"))
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


@pytest.mark.parametrize("epoch", range(3))
def test_two_processes_share_all_shards_between_them(shards: Path, epoch: int) -> None:
    own = [set(dealt(shards, rank=rank, world=2, seed=1, epoch=epoch)) for rank in range(2)]
    assert len(own[0]) == len(own[1]) == 2 and not own[0] & own[1]
    seen = [names(shards, rank=rank, world=2, seed=1, epoch=epoch) for rank in range(2)]
    assert sorted(seen[0] + seen[1]) == [f"photo.{i}.jpg" for i in range(COUNT)]


def test_the_order_differs_by_epoch_and_seed_and_comes_again(shards: Path) -> None:
    first = names(shards, seed=4, epoch=0, buffer=5)
    assert first == names(shards, seed=4, epoch=0, buffer=5)
    assert first != names(shards, seed=4, epoch=1, buffer=5) != names(shards, seed=5, epoch=0, buffer=5)
    assert sorted(first) == sorted(names(shards, seed=4, epoch=1))


@pytest.mark.parametrize("buffer", [1, 2, 5])
def test_no_more_than_the_buffer_is_read_ahead(shards: Path, buffer: int, monkeypatch) -> None:
    read_so_far = 0

    def counted(raw, shard, real=shards_module._record):
        nonlocal read_so_far
        read_so_far += 1
        return real(raw, shard)

    monkeypatch.setattr("engine.data.shards._record", counted)
    for taken, _ in enumerate(stream(shards, buffer=buffer)):
        assert read_so_far - taken <= buffer


@pytest.mark.parametrize("cut", [100, 700, 1600, 3000, -10240])
def test_a_shard_that_breaks_off_is_named_and_the_others_are_read(shards: Path, cut: int, caplog) -> None:
    path = shards / "dev-000001.tar"
    whole = path.read_bytes()
    with tarfile.open(path) as tar:
        end = tar.getmembers()[-1].offset_data + 512 * (1 + tar.getmembers()[-1].size // 512)
    path.write_bytes(whole[:cut] if cut > 0 else whole[:end])
    skipped = Skipped()
    seen = [photo.path.name for _, photo in stream(shards, skipped=skipped)]
    assert {f"photo.{i}.jpg" for i in (0, 1, 2, 6, 7, 8, 9)} <= set(seen) and len(seen) == len(set(seen))
    assert list(skipped.shards) == ["dev-000001.tar"] and "dev-000001.tar breaks off" in caplog.text


@pytest.mark.parametrize(("member", "left"), [(2, 1), (3, 1), (4, 2)])
def test_a_header_that_is_damaged_is_named_and_not_taken_for_the_end(shards: Path, member: int, left: int) -> None:
    path = shards / "dev-000001.tar"
    with tarfile.open(path) as tar:
        start = tar.getmembers()[member].offset
    assert shards_module.count(shards) == COUNT
    with path.open("r+b") as file:
        file.seek(start)
        file.write(np.random.default_rng(0).bytes(512))
    with pytest.raises(DataError, match=r"dev-000001\.tar cannot be read \(a header is damaged or missing\)"):
        shards_module.count(shards)
    skipped = Skipped()
    assert len(list(stream(shards, skipped=skipped))) == COUNT - 3 + left
    assert skipped.shards == {"dev-000001.tar": "a header is damaged or missing"}


def test_nothing_left_is_an_error_that_names_the_shards(shards: Path) -> None:
    for path in shards.glob("*.tar"):
        path.write_bytes(b"no tar at all")
    with pytest.raises(DataError, match=r"Not one photo could be read from 4 shards.*dev-000000\.tar \("):
        list(stream(shards))


def test_other_members_are_never_read_and_half_a_sample_is_refused(data: Path, tmp_path: Path) -> None:
    (path,) = write(data, "dev", tmp_path, COUNT)
    with tarfile.open(path, "a") as tar:
        for name in ("00000009.pickle", "00000009.pyd", "00000010.jpg"):
            info = tarfile.TarInfo(name)
            info.size = 4
            tar.addfile(info, io.BytesIO(b"evil"))
    with pytest.raises(DataError, match=r"00000010 in .*dev-000000.tar lacks its jpg or its json"):
        list(stream(tmp_path, buffer=1))


def test_what_cannot_be_dealt_or_written_is_refused(data: Path, shards: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Process 4 of 5 has no shard of its own among 4"):
        list(stream(shards, rank=4, world=5))
    with pytest.raises(DataError, match="There is no shard in"):
        list(stream(data))
    with pytest.raises(ConfigError, match="holds shards of dev already"):
        write(data, "dev", shards, 3)
    (tmp_path / "entities_dev.jsonl").write_text((data / "entities_dev.jsonl").read_text())
    with pytest.raises(DataError, match=r"photo\.0\.jpg cannot be read \(No such file"):
        write(tmp_path, "dev", tmp_path / "out", 3)
    assert not list((tmp_path / "out").iterdir())


def test_shards_that_broke_off_are_not_read_and_made_anew(data: Path, tmp_path: Path) -> None:
    whole = {p.name: p.read_bytes() for p in write(data, "dev", tmp_path / "whole", 4)}

    def killed(done: int, _: int) -> None:
        if done > 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(data, "dev", tmp_path / "out", 2, killed)
    assert len(list((tmp_path / "out").glob("*.tar"))) == 3
    with pytest.raises(DataError, match=r"shards of dev in .* are not finished\. Run the same"):
        list(stream(tmp_path / "out"))
    assert {p.name: p.read_bytes() for p in write(data, "dev", tmp_path / "out", 4)} == whole
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(whole)
    assert len(names(tmp_path / "out")) == COUNT


def test_shards_of_a_split_with_a_longer_name_are_left_alone(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(data, tmp_path / "data")
    shutil.copy(data / "entities_dev.jsonl", tmp_path / "data" / "entities_dev-b.jsonl")
    other = {p.name: p.read_bytes() for p in write(tmp_path / "data", "dev-b", out, 4)}

    def killed(done: int, _: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(data, "dev", out, 4, killed)
    own = [p.name for p in write(data, "dev", out, 4)]
    assert {name: (out / name).read_bytes() for name in other} == other
    assert sorted(p.name for p in out.iterdir()) == sorted([*own, *other])
    with pytest.raises(ConfigError, match="holds shards of dev already"):
        write(data, "dev", out, 4)


def test_a_picture_that_cannot_be_opened_is_left_out_and_counted_once(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "data")
    (tmp_path / "data" / "images" / "photo.4.jpg").write_bytes(b"not a picture at all")
    write(tmp_path / "data", "dev", tmp_path / "out", 3)
    unreadable = questions.Skipped()
    drawn = shards_module.photos(tmp_path / "out", unreadable=unreadable)
    for _ in range(2):
        names = sorted(next(drawn).path.name for _ in range(COUNT - 1))
        assert names == [f"photo.{i}.jpg" for i in range(COUNT) if i != 4]
    assert str(unreadable).startswith("1 left out: photo.4.jpg in dev-000001.tar: This file is not a picture")


def test_photos_without_boxes_are_an_error_and_no_endless_search(data: Path, tmp_path: Path) -> None:
    (tmp_path / "images").symlink_to(data / "images")
    records = [json.loads(line) | {"boxes": []} for line in (data / "entities_dev.jsonl").read_text().splitlines()]
    (tmp_path / "entities_dev.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    write(tmp_path, "dev", tmp_path / "out", 5)
    with pytest.raises(DataError, match=r"Not one photo of this process's shards in .*out has a box, a caption"):
        next(shards_module.photos(tmp_path / "out"))


def test_the_verb_writes_shards_and_names_them(data: Path, tmp_path: Path, capsys) -> None:
    assert main(["shard", "--data", str(data), "--split", "dev", "--out", str(tmp_path), "--per-shard", "6"]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / f"dev-00000{i}.tar") for i in range(2)]
    assert main(["shard", "--data", str(data), "--split", "dev", "--out", str(tmp_path)]) == 2


def test_all_tars_of_a_joined_file_are_counted_and_streamed(shards: Path) -> None:
    """`cat a.tar b.tar`: each tar has a 0-photo of its own, and either may have zeros behind it."""
    first, second, *_ = sorted(shards.glob("*.tar"))
    first.write_bytes(first.read_bytes() + bytes(9 * 512) + second.read_bytes())
    second.unlink()
    skipped = Skipped()
    assert shards_module.count(shards) == COUNT
    assert sorted(names(shards, skipped=skipped)) == [f"photo.{i}.jpg" for i in range(COUNT)]
    assert not skipped.shards


def test_a_joined_file_whose_second_part_is_damaged_is_named(shards: Path) -> None:
    first, second, *_ = sorted(shards.glob("*.tar"))
    whole = second.read_bytes()
    first.write_bytes(first.read_bytes() + whole[:3000])
    second.unlink()
    with pytest.raises(DataError, match=rf"^{first} cannot be read \(.+\)\. Write it again\.$"):
        shards_module.count(shards)
    skipped = Skipped()
    assert len(names(shards, skipped=skipped)) >= COUNT - 3 and list(skipped.shards) == [first.name]
    first.write_bytes(whole + b"no tar at all".ljust(512, b"!"))
    with pytest.raises(DataError, match=rf"^{first} cannot be read"):
        shards_module.count(shards)


def test_files_that_macos_adds_are_no_photos(shards: Path) -> None:
    before = shards_module.count(shards)
    shard = sorted(shards.glob("*.tar"))[0]
    with tarfile.open(shard) as tar:
        members = [(m.name, tar.extractfile(m).read()) for m in tar]
    with tarfile.open(shard, "w") as tar:
        for name, content in members:
            for called, own in ((f"./._{name}", b"\x00\x05\x16\x07"), (f"./{name}", content)):
                info = tarfile.TarInfo(called)
                info.size = len(own)
                tar.addfile(info, io.BytesIO(own))
    skipped = Skipped()
    assert shards_module.count(shards) == before == len(names(shards, skipped=skipped)) and not skipped.shards
