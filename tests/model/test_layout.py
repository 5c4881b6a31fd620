"""The packed sequence against a slow loop that builds it element by element."""

import torch

from engine.model.layout import Layout


def slowly(text_real, region_real):
    """Per row: (element, position) of every place. Elements: text from 0, regions from T, [END] is T + R."""
    t, r = text_real.shape[1], region_real.shape[1]
    rows = []
    for text, regions in zip(text_real.tolist(), region_real.tolist(), strict=True):
        row = [i for i in range(t) if text[i]]
        n = len(row)
        places = [(e, i) for i, e in enumerate(row)]
        places += [(t + i, n) for i in range(r) if regions[i]]
        rows.append([*places, (t + r, n + 1)])
    return rows


def test_regions_follow_their_own_text_without_a_gap():
    torch.manual_seed(0)
    text_real, region_real = torch.rand(20, 6) < 0.6, torch.rand(20, 4) < 0.5
    layout, expected = Layout.of(text_real, region_real), slowly(text_real, region_real)
    assert layout.source.shape[1] == max(len(row) for row in expected)
    for row, places in enumerate(expected):
        n = len(places)
        assert layout.real[row].tolist() == [i < n for i in range(layout.real.shape[1])]
        assert list(zip(layout.source[row, :n].tolist(), layout.positions[row, :n].tolist(), strict=True)) == places


def test_unpacking_undoes_packing():
    torch.manual_seed(0)
    text_real, region_real = torch.rand(9, 6) < 0.6, torch.rand(9, 4) < 0.5
    text, regions = torch.rand(9, 6, 3), torch.rand(9, 4, 3)
    layout = Layout.of(text_real, region_real)
    back = layout.unpack(layout.pack(text, regions, torch.rand(9, 1, 3)))
    assert torch.equal(back[0], text * text_real[..., None])
    assert torch.equal(back[1], regions * region_real[..., None])
