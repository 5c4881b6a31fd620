// The caption: a sentence whose words are buttons, and an editor in its place.

const UNREAD = ", but not in the model’s vocabulary: it sees [UNK]";

function buildSentence(sentence, { chips, caption }, toggle) {
  if (!chips) {
    sentence.replaceChildren(caption);
    return;
  }
  const pieces = [];
  chips.words.forEach((word, index) => {
    if (word.before) pieces.push(word.before);
    // A mask is no word of the caption's language: it does not decide which way the caption runs.
    const button = make("button", { type: "button", class: word.readable ? "word" : "word unread", "data-word": index,
      disabled: !word.known, dir: word.known ? null : "ltr", onclick: () => toggle(index) },
    make("span", { class: "text" }, word.text), make("span", { class: "guess", dir: "ltr", hidden: true }));
    // A full stop stays on the line of its word.
    if (index && !word.before) pieces[pieces.length - 1].append(button);
    else pieces.push(make("span", { class: "glued" }, button));
  });
  sentence.replaceChildren(...pieces, chips.after);
}

function makeSentence({ toggle }) {
  const sentence = part("words");
  const settle = makeRow(sentence);
  let drawnFor = null;

  function render(state, guesses) {
    if (state.chips !== drawnFor || !state.chips) {
      buildSentence(sentence, state, toggle);
      drawnFor = state.chips;
      settle();
    }
    for (const button of sentence.querySelectorAll("button")) {
      const index = Number(button.dataset.word);
      const word = state.chips.words[index];
      const hidden = state.hiddenWords.includes(index) || !word.known;
      const guess = guesses.get(index);
      setAttribute(button, "aria-pressed", hidden);
      setAttribute(button, "aria-label",
        `${word.text}, ${hidden ? `hidden${guess ? `, the model says ${guess}` : ""}` : `visible${word.readable ? "" : UNREAD}`}`);
      setAttribute(button, "title", hidden ? `“${word.text}” is hidden` : word.readable ? "" : `“${word.text}” is visible${UNREAD}`);
      setHidden(button.lastChild, !hidden);
      setText(button.lastChild, hidden ? (guess || "…") : "");
    }
  }

  return { render, focus: (index) => sentence.querySelector(`[data-word="${index}"]`)?.focus() };
}

function makeEditor({ store, readCaption, complain }) {
  const editor = part("editor");
  const text = part("text");

  function show(open) {
    editor.hidden = !open;
    part("words").hidden = open;
    part("edit").hidden = open;
    if (!open) return;
    text.value = store.now.caption;
    text.focus();
    text.select();
  }

  function close() {
    show(false);
    part("edit").focus();
  }

  async function submit() {
    try {
      await readCaption(text.value.trim().replace(/\s+/g, " "));
      close();
    } catch (problem) {
      complain(problem.message); // the editor stays open with what was written, and the old caption stays in use
    }
  }

  part("edit").addEventListener("click", () => show(true));
  part("cancel").addEventListener("click", close);
  editor.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); submit(); }
    if (event.key === "Escape") close();
  });
  return { close: () => show(false) };
}
