// What if: what was held on the left, what is there now on the right, differences marked.

function makeCompare({ why, store, goTo, modelName }) {
  let held = null; // { state, reply }
  let now = { state: store.now, reply: NO_ANSWERS };

  const keyOf = (kind, answer) => `${kind} ${(answer.truth || answer.index).toString().toLowerCase()}`;
  const answersOf = (reply) => [...reply.words.map((a) => ["word", a]), ...reply.regions.map((a) => ["region", a])];
  const mark = (text, differs) => (differs ? make("mark", {}, text) : text);

  // The caption with the words marked that the other one does not have.
  function sentenceOf({ state }, other) {
    const rest = (other?.state.chips?.words || []).map((w) => w.text.toLowerCase());
    const pieces = [];
    (state.chips?.words || []).forEach((word, index) => {
      const at = rest.indexOf(word.text.toLowerCase());
      if (at >= 0) rest.splice(at, 1);
      if (word.before) pieces.push(word.before);
      const hidden = state.hiddenWords.includes(index);
      const shown = hidden ? make("b", { class: "was-hidden" }, `[${word.text}]`) : word.text;
      pieces.push(mark(shown, Boolean(other) && at < 0));
    });
    return make("p", { class: "said" }, ...pieces, state.chips?.after || "");
  }

  function answerOf([kind, answer], others) {
    const other = others?.get(keyOf(kind, answer));
    const best = new Map((other?.best || []).map((b) => [b.text, b.probability]));
    const rows = answer.best.map((guess) => {
      const before = best.get(guess.text);
      const moved = other && Math.abs(guess.probability - (before ?? 0)) >= MUCH;
      const difference = other ? (before === undefined ? "new" : moved ? points(guess.probability - before) : "") : "";
      return make("li", { class: moved ? "moved" : null }, make("span", {}, mark(guess.text, other && before === undefined)),
        make("span", { class: "number" }, tight(guess.percent)), make("span", { class: "number" }, difference));
    });
    return make("div", { class: "held-answer" }, make("h4", {}, mark(`${kind} ${answer.known ? answer.truth : "[MASK]"}`, others && !other)),
      answer.known ? make("p", { class: "hint" }, tight(`true answer ${answer.percent}, rank ${answer.rank}`)) : null,
      make("ol", {}, ...rows));
  }

  function column(title, one, other) {
    const { state, reply } = one;
    const heads = state.headsOff.map(([l, h]) => `${l + 1}.${h + 1}`).join(", ") || "none";
    const others = other ? new Map(answersOf(other.reply).map(([kind, a]) => [keyOf(kind, a), a])) : null;
    const otherHeads = other?.state.headsOff.map(([l, h]) => `${l + 1}.${h + 1}`).join(", ") || "none";
    const regionsOf = (s) => s.hiddenRegions.map((i) => nameOf(s.regions, i)).join(", ") || "none";
    const fact = (name, text, differs) => make("div", {}, make("dt", {}, name), make("dd", {}, mark(text, differs)));
    return make("article", { class: "column" }, make("h3", {}, title),
      make("figure", { class: other && other.state.photo !== state.photo ? "differs" : null },
        make("img", { src: state.photo.picture, alt: state.photo.shows })),
      sentenceOf(one, other),
      make("dl", { class: "facts" },
        fact("Hidden regions", regionsOf(state), other && regionsOf(other.state) !== regionsOf(state)),
        fact("Boxes", state.edited ? "the visitor’s" : "the detector’s", other && other.state.edited !== state.edited),
        fact("Heads off", heads, other && heads !== otherHeads),
        fact("Model", one.model, other && other.model !== one.model)),
      ...answersOf(reply).map((a) => answerOf(a, others)),
      answersOf(reply).length ? null : make("p", { class: "hint" }, "Nothing is hidden."));
  }

  function render() {
    setHidden(part("hold-back"), !held);
    part("columns").replaceChildren(...(held ? [column("Held", held, now), column("Now", now, held)] : []));
    part("why").dataset.held = held ? "yes" : "";
  }

  part("hold").addEventListener("click", () => { held = now; render(); });
  part("hold-back").addEventListener("click", () => goTo(held.state));
  return {
    show: () => { render(); return null; },
    answered(state, reply) {
      now = { state, reply, model: modelName() };
      if (why.tab === "compare") render();
    },
  };
}
