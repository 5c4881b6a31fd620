// The attention panel: the grid of heads, the chosen one large, and its light on picture and words.

function makeAttention({ why, stage }) {
  const working = makeWorking(part("attention-work"), "Attention");
  const settle = makeRow(part("attention-grid"));
  const large = makeLarge();
  const view = { mode: "head", layer: 0, head: 0, way: "from", both: false };
  let pyramid = null;
  let decodedFrom = null;
  let shownFor = null; // the subject that the pyramid is about
  let chosen = null; // whose attention is shown
  let preview = null; // pointed at for a moment

  function matrix() {
    if (view.mode === "rollout") return pyramid.rollout();
    return view.mode === "layer" ? pyramid.mean(view.layer) : pyramid.head(view.layer, view.head);
  }

  function render() {
    for (const [name, value] of [["mode", view.mode], ["layer", view.layer], ["head", view.head], ["way", view.way]]) {
      part(`attention-${name}`).value = String(value);
    }
    part("attention-layer").disabled = view.mode === "rollout";
    part("attention-head").disabled = view.mode !== "head";
    for (const cell of part("attention-grid").children) {
      const [layer, head] = cell.dataset.head.split(" ").map(Number);
      setAttribute(cell, "aria-pressed", view.mode !== "rollout" && layer === view.layer && (view.mode === "layer" || head === view.head));
    }
    const now = matrix();
    large.render(pyramid, now, view);
    light(now);
  }

  function light(now) {
    if (shownFor !== why.subject) return; // a step was taken: the stage shows something else
    const who = preview || chosen;
    const { state } = why.subject;
    const found = pyramid.spread(now, who, view.way, state.chips.words.length, state.regions.length);
    const whole = found.regions[0];
    const lit = { words: view.both || who.kind === "region" ? found.words : null,
      regions: view.both || who.kind === "word" ? found.regions : null };
    const own = (lit.regions || []).slice(1);
    const scale = Math.max(1e-9, ...own, ...(lit.words || []));
    const say = (v) => `${(100 * v).toFixed(1)} %`;
    stage.paint({ ...lit, scale, say, marked: who });
    renderLegend({ signed: false, scale: say(scale), forIt: view.way === "from" ? "of its attention" : "of theirs" });
    const name = `“${stage.nameOf(who.kind, who.index)}”`;
    const part1 = (values) => say(values.reduce((s, v) => s + v, 0));
    setText(part("attention-sentence"), tight(view.way === "from"
      ? `${name} looks at words for ${part1(found.words)}, at regions for ${part1(found.regions.slice(1))}, at the whole picture for ${
        say(whole)} and at special pieces for ${say(found.special)}.`
      : `${name} gets, of all attention that each pays: from words ${part1(found.words)}, from regions ${
        part1(found.regions.slice(1))} (100 % is one whole element’s).`));
  }

  function options(name, count) {
    part(`attention-${name}`).replaceChildren(...Array.from({ length: count },
      (_, i) => make("option", { value: i }, String(i + 1))));
  }

  for (const name of ["mode", "layer", "head", "way"]) {
    part(`attention-${name}`).addEventListener("change", (event) => {
      view[name] = ["layer", "head"].includes(name) ? Number(event.target.value) : event.target.value;
      render();
    });
  }
  part("attention-both").addEventListener("change", (event) => { view.both = event.target.checked; render(); });

  function take(sent) {
    if (decodedFrom === sent) return;
    decodedFrom = sent;
    pyramid = decodePyramid(sent);
    if (view.layer >= sent.layers) view.layer = sent.layers - 1;
    if (view.head >= sent.heads) view.head = 0;
    options("layer", sent.layers);
    options("head", sent.heads);
    buildGrid(part("attention-grid"), pyramid, (layer, head) => { Object.assign(view, { mode: "head", layer, head }); render(); });
    settle();
    part("attention-key").replaceChildren("Each map: rows look at columns, first the words, then the regions; its bar is its entropy; its stripe: ",
      ...SHARES.map((name, i) => make("span", { class: "key-share" }, make("i", { class: `share${i}` }), name)));
    for (const [name, bytes] of Object.entries(sent.bertviz)) {
      setText(part(`bertviz-${name}`), tight(`BertViz: ${name} view (${(bytes / 1e6).toFixed(1)} MB)`));
    }
    part("why").dataset.attention = String(sent.elements.length);
  }

  return {
    async show() {
      const { subject, asked } = why;
      setHidden(part("attention-body"), true);
      part("why").dataset.attention = "";
      const sent = await working.show(why.ask("why_attention", {}));
      if (why.subject !== subject || why.tab !== "attention") return;
      take(sent);
      shownFor = subject;
      part("why").dataset.attention = String(sent.elements.length);
      if (!chosen || !pyramid.placesOf(chosen.kind, chosen.index).length || asked !== why.asked) chosen = { ...asked };
      setHidden(part("attention-body"), false);
      render();
    },
    ask(asked) { chosen = { ...asked }; },
    point(kind, index) {
      preview = kind ? { kind, index } : null;
      if (pyramid && !part("attention-body").hidden) light(matrix());
    },
    choose(kind, index) {
      chosen = { kind, index };
      render();
    },
  };
}

// The chosen map, large: where the pointer is, its row and column are named; its strongest pairs are listed.
function makeLarge() {
  const canvas = make("canvas", { "aria-hidden": "true" });
  const title = make("h3");
  const where = make("p", { class: "hint" });
  const list = make("ol");
  let shown = null;
  part("attention-large").append(make("div", {}, canvas, where), make("div", {}, title, list));
  const pair = (i, row, column) => `${shown.names[row]} → ${shown.names[column]}: ${(100 * shown.matrix[i]).toFixed(1)} %`;
  canvas.addEventListener("pointermove", (event) => {
    if (!shown) return;
    const box = canvas.getBoundingClientRect();
    const column = clamp(Math.floor(shown.size * (event.clientX - box.left) / box.width), 0, shown.size - 1);
    const row = clamp(Math.floor(shown.size * (event.clientY - box.top) / box.height), 0, shown.size - 1);
    setText(where, tight(pair(row * shown.size + column, row, column)));
  });
  return {
    render(pyramid, matrix, view) {
      const { sent, size } = pyramid;
      shown = { matrix, size, names: sent.elements.map((e) => e.text) };
      drawMatrix(canvas, matrix, size);
      setText(title, { rollout: "Rollout of all layers", layer: `Mean of layer ${view.layer + 1}`,
        head: aboutHead(sent, view.layer, view.head) }[view.mode]);
      setText(where, "Point at the map: its row looks at its column.");
      const plain = (i) => sent.elements[i].kind !== "special";
      const strongest = Array.from(matrix, (v, i) => [v, i, Math.floor(i / size), i % size])
        .filter(([, , row, column]) => row !== column && plain(row) && plain(column)).sort((a, b) => b[0] - a[0]).slice(0, 6);
      list.replaceChildren(...strongest.map(([, i, row, column]) => make("li", {}, tight(pair(i, row, column)))));
    },
  };
}
