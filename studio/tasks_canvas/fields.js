// What is asked: one text, and for choosing four answers and four reasons. Each mode keeps its own.

const MODES = {
  ask: { label: "Question", submit: "Ask", title: "What the model answers", wait: "Reading the question…",
    placeholder: "For example: what is on the table?", hint: "", regions: "click one to see what it looks at" },
  choose: { label: "Question", submit: "Choose", title: "What the model chooses", wait: "Weighing the four…",
    placeholder: "For example: where is the star [1] ?", hint: "A word names a region by its number: star [1]. Click a region to put its number at the cursor.",
    regions: "click one to name it in the text" },
  point: { label: "Words", submit: "Point", title: "Where the model points", wait: "Looking for it…",
    placeholder: "For example: the dog on the left", hint: "", regions: "click one to see what it looks at" },
};
const LETTERS = ["A", "B", "C", "D"];
const emptyTexts = () => ({ text: "", answers: ["", "", "", ""], rationales: ["", "", "", ""], right: null, typed: false });

function makeFours(onPick) {
  const rows = {};
  const block = (kind, title) => {
    rows[kind] = LETTERS.map((letter, i) => {
      const field = make("input", { type: "text", "data-field": `${kind}.${i}`, "aria-label": `${title} ${letter}`,
        autocomplete: "off", dir: "auto" });
      const fill = make("i");
      const number = make("span", { class: "number" });
      const pick = make("button", { type: "button", class: "letter", "aria-pressed": "false",
        title: kind === "answers" ? "Give reasons for this answer" : "", disabled: kind === "rationales" }, letter);
      if (kind === "answers") pick.addEventListener("click", () => onPick(i));
      const node = make("li", {}, pick, field, make("span", { class: "bar", "aria-hidden": "true" }, fill), number);
      return { field, fill, number, pick, node };
    });
    const said = make("p", { class: "verdict", hidden: true });
    rows[`${kind}Said`] = said;
    return make("fieldset", {}, make("legend", {}, title === "Answer" ? "Four answers" : "Four reasons"),
      make("ol", { class: "four" }, ...rows[kind].map((r) => r.node)), said);
  };
  part("fours").replaceChildren(block("answers", "Answer"), block("rationales", "Reason"));
  return rows;
}

// Puts "[3]" after the word at the cursor; where there is no word, "star [3]".
function withTag(text, at, number, name) {
  const before = text.slice(0, at);
  const rest = text.slice(at);
  const inWord = /[\p{L}\p{N}'’-]$/u.test(before);
  if (!inWord) {
    const gap = before && !/\s$/.test(before) ? " " : "";
    const put = `${gap}${name} [${number}]`;
    return { text: before + put + (rest && !/^[\s.,?!]/.test(rest) ? " " : "") + rest, at: (before + put).length };
  }
  const end = rest.match(/^[\p{L}\p{N}'’-]*/u)[0];
  const head = before + end;
  const tail = rest.slice(end.length).replace(/^\s*\[\s*\d+\s*\]/, "");
  return { text: `${head} [${number}]${tail}`, at: `${head} [${number}]`.length };
}

function makeFields({ changed, picked }) {
  const rows = makeFours(picked);
  let last = part("text");
  const all = () => [part("text"), ...rows.answers.map((r) => r.field), ...rows.rationales.map((r) => r.field)];

  function take(field, texts) {
    const [name, place] = field.dataset.field.split(".");
    if (place === undefined) texts.text = field.value;
    else texts[name][Number(place)] = field.value;
  }
  for (const field of all()) {
    field.addEventListener("focus", () => { last = field; });
    field.addEventListener("input", () => changed((texts) => take(field, texts)));
  }
  return {
    rows,
    show(mode, texts) {
      const own = MODES[mode];
      setText(part("text-label"), own.label);
      setAttribute(part("text"), "placeholder", own.placeholder);
      setText(part("submit"), own.submit);
      setText(part("form-hint"), own.hint);
      setText(part("belief-title"), own.title);
      setText(part("regions-hint"), own.regions);
      setHidden(part("fours"), mode !== "choose");
      for (const field of all()) {
        const [name, place] = field.dataset.field.split(".");
        const value = place === undefined ? texts.text : texts[name][Number(place)];
        if (field.value !== value) field.value = value;
      }
    },
    tag(number, name) {
      const made = withTag(last.value, last.selectionStart ?? last.value.length, number, name);
      last.value = made.text;
      last.focus();
      last.setSelectionRange(made.at, made.at);
      changed((texts) => take(last, texts));
    },
  };
}
