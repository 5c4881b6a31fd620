// What if: what was held on the left, what is there now on the right, or what another checkpoint says of it; differences
// marked.

function makeCompare({ why, store, goTo, modelName }) {
  const working = makeWorking(part("checkpoint-work"), "The other model");
  let held = null; // { state, reply, model }
  let now = { state: store.now, reply: NO_ANSWERS, model: "" };
  let offers = null; // other checkpoints of the server: [{ key, name }]
  let other = null; // what the chosen one says of `now`, in the same form

  // Of the same words and boxes an answer is known by its place: another detector may call a box something else. Of
  // others it is known as the n-th of its name.
  const keysOf = (one, other) => (one.state.chips === other.state.chips && one.state.regions === other.state.regions
    ? (state, kind, { index }) => `${kind} ${index}`
    : (state, kind, { index }) => `${kind} ${numbered(namesOf(state, kind), index)}`);
  const namesOf = (state, kind) => (kind === "word" ? state.chips.words.map((w) => w.text)
    : state.regions.map((r) => r.label ?? ""));
  const answersOf = (reply) => [...reply.words.map((a) => ["word", a]), ...reply.regions.map((a) => ["region", a])];
  const mark = (text, differs) => (differs ? make("mark", {}, text) : text);

  // The caption with the words marked that the other one does not have.
  function sentenceOf({ state }, other) {
    const rest = (other.state.chips?.words || []).map((w) => w.text.toLowerCase());
    const pieces = [];
    (state.chips?.words || []).forEach((word, index) => {
      const at = rest.indexOf(word.text.toLowerCase());
      if (at >= 0) rest.splice(at, 1);
      if (word.before) pieces.push(word.before);
      const hidden = state.hiddenWords.includes(index);
      const shown = hidden ? make("b", { class: "was-hidden" }, `[${word.text}]`) : word.text;
      pieces.push(mark(shown, at < 0));
    });
    return make("p", { class: "said", dir: "auto" }, ...pieces, state.chips?.after || "");
  }

  function answerOf([kind, answer], other) {
    const best = new Map((other?.best || []).map((b) => [b.text, b.probability]));
    const rows = answer.best.map((guess) => {
      const before = best.get(guess.text);
      const moved = other && Math.abs(guess.probability - (before ?? 0)) >= MUCH;
      const difference = other ? (before === undefined ? "new" : moved ? points(guess.probability - before) : "") : "";
      return make("li", { class: moved ? "moved" : null }, make("span", {}, mark(guess.text, other && before === undefined)),
        make("span", { class: "number" }, tight(guess.percent)), make("span", { class: "number" }, difference));
    });
    return make("div", { class: "held-answer" }, make("h4", {}, mark(`${kind} ${answer.title}`, other?.title !== answer.title)),
      answer.known ? make("p", { class: "hint" }, tight(`${answer.target}: ${answer.percent}, rank ${answer.rank}`)) : null,
      make("ol", {}, ...rows));
  }

  function column(title, one, other) {
    const { state, reply } = one;
    const heads = state.headsOff.map(([l, h]) => `${l + 1}.${h + 1}`).join(", ") || "none";
    const keyOf = keysOf(one, other);
    const others = new Map(answersOf(other.reply).map(([kind, a]) => [keyOf(other.state, kind, a), a]));
    const otherHeads = other.state.headsOff.map(([l, h]) => `${l + 1}.${h + 1}`).join(", ") || "none";
    const regionsOf = (s) => s.hiddenRegions.map((i) => nameOf(s.regions, i)).join(", ") || "none";
    const fact = (name, text, differs) => make("div", {}, make("dt", {}, name), make("dd", {}, mark(text, differs)));
    return make("article", { class: "column" }, make("h3", {}, title),
      make("figure", { class: other.state.photo !== state.photo ? "differs" : null },
        make("img", { src: state.photo.picture, alt: state.photo.shows })),
      sentenceOf(one, other),
      make("dl", { class: "facts" },
        fact("Hidden regions", regionsOf(state), regionsOf(other.state) !== regionsOf(state)),
        fact("Boxes", state.edited ? "the visitor’s" : "the detector’s", other.state.edited !== state.edited),
        fact("Heads off", heads, heads !== otherHeads),
        fact("Model", one.model, other.model !== one.model)),
      ...answersOf(reply).map((a) => answerOf(a, others.get(keyOf(state, ...a)))),
      answersOf(reply).length ? null : make("p", { class: "hint" }, "Nothing is hidden."));
  }

  function render() {
    const key = part("checkpoint").value;
    const left = held || (key ? now : null);
    const right = key ? other : now;
    const title = key ? "By another model" : "Now";
    setHidden(part("hold-back"), !held);
    part("columns").replaceChildren(...(left ? [column(held ? "Held" : "By this model", left, right || left),
      right ? column(title, right, left) : make("article", { class: "column" }, make("h3", {}, title),
        make("p", { class: "hint" }, now.reply === NO_ANSWERS ? "Nothing is hidden." : "It answers a moment after this one."))] : []));
    part("why").dataset.held = held ? "yes" : "";
    part("why").dataset.checkpoint = key && other ? other.model : "";
  }

  async function load() {
    const { checkpoints } = await why.call("why_checkpoints");
    const option = (value, text) => make("option", { value }, text);
    const chosen = part("checkpoint").value;
    offers = checkpoints;
    part("checkpoint").replaceChildren(option("", "what I see now"), ...offers.map(({ key, name }) => option(key, name)));
    if (offers.some(({ key }) => key === chosen)) part("checkpoint").value = chosen;
    setHidden(part("checkpoint-choice"), offers.length === 0);
  }

  async function show() {
    render();
    if (!offers) await load();
    const { subject } = why;
    const checkpoint = part("checkpoint").value;
    if (!checkpoint || !subject) return;
    const found = await working.show(why.ask("why_checkpoint", { checkpoint }));
    if (why.subject !== subject || part("checkpoint").value !== checkpoint) return;
    other = { state: subject.state, reply: found.reply, model: found.name };
    render();
  }

  part("checkpoint").addEventListener("change", () => { other = null; working.clear(); render(); why.refresh(); });
  part("hold").addEventListener("click", () => {
    if (!now.state.photo) return; // nothing is open yet
    held = now;
    render();
  });
  part("hold-back").addEventListener("click", () => goTo(held.state));
  return {
    show,
    drop: working.clear,
    answered(state, reply) {
      now = { state, reply, model: modelName() };
      other = null;
      if (why.tab === "compare") render();
    },
  };
}
