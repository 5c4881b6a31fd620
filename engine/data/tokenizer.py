"""BERT's uncased word pieces (Devlin et al. 2019), by the `tokenizers` library."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Encoding, Tokenizer, models, normalizers, pre_tokenizers

from engine.data.lines import text_lines
from engine.data.masks import MASK, with_masks
from engine.data.plain_text import JOINERS, unescaped
from engine.data.stand_ins import refuse_stand_in
from engine.errors import CaptionError, DataError, WeightsError
from engine.structures.caption import Caption, Word

MOST_PIECES, TRAINING_PIECES = 120, 64
TAGS = range(0xE0020, 0xE0080)  # spell the region of a flag


class WordPieces:
    """Text to captions and back. `vocabulary`: a file with one piece a line (bert-base-uncased's `vocab.txt`).

    Raises WeightsError where the file is missing or lacks BERT's special pieces.
    """

    def __init__(self, vocabulary: str | Path) -> None:
        path = Path(vocabulary)
        if not path.is_file():
            raise WeightsError(f"There is no vocabulary {path}. It belongs to the weights; copy it beside them.")
        refuse_stand_in(path, WeightsError)
        try:
            self.pieces = [piece for _, piece in text_lines(path)]
        except DataError as error:
            raise WeightsError(f"{path} is no text; it must be BERT's vocab.txt. Copy it again.") from error
        numbers = {piece: i for i, piece in enumerate(self.pieces)}
        missing = [p for p in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]") if p not in numbers]
        if missing:
            raise WeightsError(f"{path} lacks {', '.join(missing)}; it must be BERT's vocab.txt.")
        self.cls, self.sep, self.mask = numbers["[CLS]"], numbers["[SEP]"], numbers["[MASK]"]
        self.unknown = numbers["[UNK]"]
        self._tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
        self._tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        self._tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        self._tokenizer.add_special_tokens([MASK])

    def caption(self, text: str, what: str = "caption") -> Caption:
        """The words of a text, which `Caption.text` holds without HTML entities.

        what: how messages call the text. Raises CaptionError where nothing is written, or over 120 pieces are.
        """
        text = _encodable(text)
        return self._checked(text, text, None, what)

    def masked_caption(self, text: str) -> Caption:
        """A caption whose author may hide words: every spelling of a mask (`with_masks`) becomes [MASK].

        Raises:
            CaptionError: Nothing is written, or more than 120 pieces.
        """
        text = _encodable(text)
        return self._checked(text, *with_masks(text), "caption")

    def _checked(self, text: str, written: str, places: Sequence[int] | None, what: str) -> Caption:
        """written: `text` as it is encoded; places: where its characters are in `text` (see `_caption`)."""
        if not text.strip():
            raise CaptionError(f"The {what} is empty. Write a sentence about the picture.")
        if len(text) > 20 * MOST_PIECES:
            raise CaptionError(f"The {what} has {len(text)} characters; at most {20 * MOST_PIECES} fit. Shorten it.")
        found = self._caption(text, self._tokenizer.encode(written), places)
        if len(found.piece_ids) > MOST_PIECES + 2:
            raise CaptionError(f"The {what} has {len(found.piece_ids) - 2} word pieces; at most {MOST_PIECES} fit. "
                               "Shorten it.")
        if not found.words:
            raise CaptionError(f"The {what} holds no word that can be read. Write a sentence about the picture.")
        return found

    def captions(self, texts: Sequence[str]) -> list[Caption]:
        """Many captions at once, for training: cut after 62 pieces, so that 64 with [CLS] and [SEP] are left
        (specification, "Text-only corpus"); none is refused."""
        texts = [_encodable(text) for text in texts]
        encoded = self._tokenizer.encode_batch(texts)
        for encoding in encoded:
            encoding.truncate(TRAINING_PIECES - 2)
        return [self._caption(t, e) for t, e in zip(texts, encoded, strict=True)]

    def of_word(self, word: str) -> list[int]:
        """The pieces of one word without [CLS] and [SEP]; none for what cannot be read."""
        return self._tokenizer.encode(_encodable(word)).ids

    def without_words(self) -> Caption:
        """[CLS] [SEP] only: what a region sees without its caption."""
        return Caption("", (self.cls, self.sep), ())

    def _caption(self, text: str, encoding: Encoding, places: Sequence[int] | None = None) -> Caption:
        """places: where each character of what was encoded is in `text`, if not in the same place."""
        words: list[Word] = []
        previous: object = None
        for i, (piece, (start, end)) in enumerate(zip(encoding.ids, encoding.offsets, strict=True)):
            if places is not None:
                start, end = places[start], places[end]
            joined = self.pieces[piece].startswith("##") or (piece != self.mask and encoding.word_ids[i] is not None
                                                             and encoding.word_ids[i] == previous)
            previous = encoding.word_ids[i]
            end = _end_of_sign(text, end)
            readable = piece != self.unknown
            if words and (joined or start < words[-1].end):
                last = words[-1]
                words[-1] = Word(text[last.start:end], last.start, end, last.first, i + 2, last.known,
                                 last.readable and readable)
            else:
                words.append(Word(text[start:end], start, end, i + 1, i + 2, piece != self.mask, readable))
        return Caption(text, (self.cls, *encoding.ids, self.sep), tuple(words))


def _end_of_sign(text: str, end: int) -> int:
    """The end with what belongs to the sign before: BERT drops accents and joiners, people see one letter."""
    while end < len(text) and text[end] > "\u02ff" and (
            unicodedata.category(text[end]).startswith("M") or text[end] in JOINERS or ord(text[end]) in TAGS):
        end += 1
    return end


def _encodable(text: str) -> str:
    """Without HTML entities, and with ? in place of a surrogate without its other half, which json can hold and UTF-8
    cannot. Applied again, it changes nothing."""
    return unescaped(text).encode("utf-8", "replace").decode("utf-8")
