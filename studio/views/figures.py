"""An explanation as a figure: the painted picture, the caption, the values as bars, the proof's curves."""

from __future__ import annotations

import io
import textwrap
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from engine.structures.photo import Photo
from studio.views.fonts import fonts_for, placeholders
from studio.views.names import region_names, word_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from engine.explain.results import Attribution, Proof

FOR, AGAINST, QUIET = "#0072b2", "#d55e00", "#7a828a"  # Okabe and Ito: told apart by everyone
MOST_BARS = 14
LONGEST = 900  # pixels of the photo inside a figure
LINE, CAPTION_LINE, NAME = 190, 50, 28  # most characters in a line of the footer, of the caption, beside a bar
_DRAWING = threading.Lock()  # the settings of rc_context are those of the process


def figure(photo: Photo, boxes: Sequence[Sequence[float]], found: Attribution, proof: Proof, words: Sequence[str],
           labels: Sequence[str], title: str, kind: Literal["png", "svg"]) -> bytes:
    """Draw an explanation.

    Args:
        photo: the picture.
        boxes: fractions of the photo, region 0 first.
        found: the values.
        proof: their curves.
        words: of the caption.
        labels: of the regions.
        title: of the figure.
        kind: of the file. An SVG stores its text, which a viewer draws with its own fonts; in a PNG a box stands for a
            character that no font of this machine has, and the footer names it.

    Returns:
        The file.
    """
    everything = "".join((title, *words, *labels))
    fonts = fonts_for(everything)
    stored = placeholders(fonts.missing, everything) if kind == "svg" else {}
    shown = fonts.boxes | stored
    footer = "" if stored else fonts.note
    with _DRAWING, _settings(fonts.families):
        made = _drawn(photo, boxes, found, proof, [w.translate(shown) for w in words],
                      [label.translate(shown) for label in labels], title.translate(shown), footer)
        file = io.BytesIO()
        made.savefig(file, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    if not stored:
        return file.getvalue()
    return file.getvalue().decode().translate({ord(own): chr(code) for code, own in stored.items()}).encode()


def _settings(families: Sequence[str]) -> Any:
    from matplotlib import rc_context

    return rc_context({"svg.fonttype": "none", "svg.hashsalt": "studio", "font.size": 9, "font.family": families})


def _drawn(photo: Photo, boxes: Sequence[Sequence[float]], found: Attribution, proof: Proof, words: Sequence[str],
           labels: Sequence[str], title: str, footer: str) -> Figure:
    # Not pyplot, which keeps figures for the whole process and is not safe between threads.
    from matplotlib.figure import Figure

    made = Figure(figsize=(11, 5.2), layout="constrained")
    axes: Any = made.subplot_mosaic([["photo", "bars", "deletion"], ["photo", "bars", "insertion"]],
                                    width_ratios=[1.7, 1, 1])
    made.suptitle(_plain(title), fontsize=11)
    if footer:
        made.supxlabel("\n".join(textwrap.wrap(footer, LINE)), fontsize=7, x=0.01, ha="left")
    _photo(axes["photo"], photo, boxes, found, words)
    _bars(axes["bars"], found, words, labels)
    _curves(axes["deletion"], "Deletion (lower is better)", "hidden", proof.deletion, proof.random_deletion,
            proof.attention_deletion)
    _curves(axes["insertion"], "Insertion (higher is better)", "shown", proof.insertion, proof.random_insertion,
            proof.attention_insertion)
    return made


def _plain(text: str) -> str:
    """Dollar signs would begin mathematics."""
    return text.replace("$", r"\$")


def _photo(axes: Axes, photo: Photo, boxes: Sequence[Sequence[float]], found: Attribution,
           words: Sequence[str]) -> None:
    from matplotlib.patches import Rectangle

    scale = min(1.0, LONGEST / max(photo.width, photo.height))
    width, height = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
    axes.imshow(photo.resized(width, height).pixels)
    top = max((abs(v) for v in (*found.words, *found.regions)), default=0.0) or 1.0
    for (x1, y1, x2, y2), value in sorted(zip(boxes, found.regions, strict=True), key=lambda pair: abs(pair[1])):
        if value:
            heat = abs(value) / top
            axes.add_patch(Rectangle((x1 * width, y1 * height), (x2 - x1) * width, (y2 - y1) * height,
                                     facecolor=(FOR if value > 0 else AGAINST, 0.45 * heat),
                                     edgecolor=(FOR if value > 0 else AGAINST, 0.25 + 0.75 * heat), linewidth=1.5))
    axes.set_axis_off()
    axes.set_title(_plain("\n".join(textwrap.wrap(" ".join(words), CAPTION_LINE))), fontsize=9, loc="left")


def _bars(axes: Axes, found: Attribution, words: Sequence[str], labels: Sequence[str]) -> None:
    named = [(f"“{_short(w)}”", v) for w, v in zip(word_names(words), found.words, strict=True)]
    named += [(_short(name), v) for name, v in list(zip(region_names(labels), found.regions, strict=True))[1:]]
    first = sorted((n for n in named if n[1]), key=lambda n: -abs(n[1]))[:MOST_BARS][::-1]
    axes.barh(range(len(first)), [v for _, v in first], color=[FOR if v > 0 else AGAINST for _, v in first])
    axes.set_yticks(range(len(first)), [_plain(name) for name, _ in first])
    axes.axvline(0, color=QUIET, linewidth=0.8)
    axes.set_title("For (blue), against (orange)" if any(v < 0 for _, v in first) else "Largest values", fontsize=9)
    axes.set_xlabel("value by the method", fontsize=8)


def _short(name: str) -> str:
    return name if len(name) <= NAME else f"{name[:NAME - 1]}…"


def _curves(axes: Axes, title: str, done: str, own: Any, chance: Any, attention: Any) -> None:
    for curve, name, style in ((chance, "random", (QUIET, ":")), (attention, "raw attention", (AGAINST, "--")),
                               (own, "this map", (FOR, "-"))):
        share = [i / max(1, len(curve.probability) - 1) for i in range(len(curve.probability))]
        axes.plot(share, curve.probability, color=style[0], linestyle=style[1], label=f"{name} {curve.area:.2f}")
    axes.set_ylim(-0.02, 1.02)
    axes.set_title(title, fontsize=9)
    axes.set_xlabel(f"share of words and regions {done}", fontsize=8)
    axes.set_ylabel("probability", fontsize=8)
    axes.legend(fontsize=7, frameon=False)
