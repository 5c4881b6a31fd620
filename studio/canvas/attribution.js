// What an answer rests on: the method, the painted map, the proof, the numbers.

const FIRST_ROWS = 10;

function makeMap({ why, stage, effects, takeAway }) {
  const table = makeTable({ stage, takeAway });
  const working = makeWorking(part("map-work"), "The map");
  const proving = makeWorking(part("proof-work"), "The proof");
  let methods = [];
  let method = null;
  let shownFor = null; // the subject that the painted map is about

  function choose(name) {
    method = name;
    for (const radio of part("methods").children) {
      const own = radio.dataset.method === name;
      setAttribute(radio, "aria-checked", own);
      radio.tabIndex = own ? 0 : -1;
    }
    const { sentence, source } = methods.find((m) => m.name === name);
    setText(part("method-sentence"), sentence);
    setText(part("method-source"), source);
  }

  async function load() {
    if (methods.length) return;
    const reply = await why.call("why_methods");
    if (methods.length) return;
    methods = reply.methods;
    part("methods").replaceChildren(...methods.map((m) => make("button", { type: "button", role: "radio", class: "pill",
      "data-method": m.name, onclick: () => { choose(m.name); why.refresh(); } },
    m.title, m.name === reply.default ? make("small", {}, "default") : null,
    m.long ? make("small", {}, "seconds") : null)));
    makeRow(part("methods"));
    choose(reply.default);
  }

  const inPoints = (map) => areInPoints(map, methods.find((m) => m.name === map.method)?.scaled);

  function paint(map) {
    const say = writerOf(map, inPoints(map));
    stage.paint({ words: map.words, regions: map.regions, scale: map.scale, say, marked: why.asked });
    const largest = inPoints(map) ? Math.abs(100 * map.scale).toFixed(1) : `${(100 * map.scale / (sumOf(map) || 1)).toFixed(0)} %`;
    const unit = inPoints(map) ? "points" : "of all,";
    renderLegend({ signed: [...map.words, ...map.regions].some((v) => v < 0), scale: map.scale ? tight(largest) : 0, forIt: `${unit} for the answer`, against: `${unit} against it` });
    setText(part("map-sentence"), tight(map.sentence));
  }

  function clear() {
    shownFor = null;
    stage.paint({});
    renderLegend({ scale: 0 });
    setHidden(part("proof"), true);
    setHidden(part("numbers"), true);
    setText(part("map-sentence"), "");
    part("why").dataset.map = "";
    part("why").dataset.proof = "";
  }

  return {
    get method() { return method; },
    clear,
    // What is being made is of no use any more.
    drop() {
      working.clear();
      proving.clear();
    },
    async show() {
      const { subject, asked } = why;
      await load();
      if (why.subject !== subject || why.asked !== asked) return; // a step was taken meanwhile
      const chosen = method;
      const current = () => why.subject === subject && why.asked === asked && method === chosen && why.tab === "map";
      clear();
      working.clear();
      proving.clear();
      const map = await working.show(why.ask("why_map", { asked, method: chosen }, working.progress));
      if (!current()) return;
      paint(map);
      shownFor = subject;
      part("why").dataset.map = chosen;
      why.showEmpty();
      table.render(map, effects, asked, inPoints(map));
      if (!why.near) return;
      const proof = await proving.show(why.ask("why_proof", { asked, method: chosen }, proving.progress));
      if (!current()) return;
      renderProof(proof);
      part("why").dataset.proof = proof.verdict;
    },
    // The hidings may come after the map: then the table gets their columns. They are not about an older map.
    refreshTable() {
      if (shownFor && shownFor === why.subject) table.again();
    },
  };
}

// The numbers, to sort by any column.
function makeTable({ stage, takeAway }) {
  const place = part("numbers");
  let last = null;
  let order = { column: "size", down: true };
  let all = false;

  const COLUMNS = [["name", "Element"], ["value", "Value"], ["size", "Share"], ["without", "Answer without it"]];

  // Named when the map comes: by the time the table is sorted, the stage may show another photo.
  function rowsOf(map) {
    const sum = [...map.words, ...map.regions].reduce((s, v) => s + Math.abs(v), 0) || 1;
    const row = (kind, index, value) => ({ kind, index, name: stage.nameOf(kind, index), value, size: Math.abs(value) / sum });
    return [...map.words.map((v, i) => row("word", i, v)), ...map.regions.map((v, i) => row("region", i, v)).slice(1)]
      .filter((r) => !stage.isHidden(r.kind, r.index));
  }

  function withEffects({ rows, effects, asked }) {
    return rows.map((row) => {
      const own = effects.linesFor(row.kind, row.index)?.find((l) => l.kind === asked.kind && l.index === asked.index);
      return { ...row, without: own ? own.change : null };
    });
  }

  function again() {
    const { column, down } = order;
    const sorted = withEffects(last).sort((a, b) => {
      const [x, y] = [a[column], b[column]];
      const sign = typeof x === "string" ? x.localeCompare(y) : (x ?? -Infinity) - (y ?? -Infinity);
      return down ? -sign : sign;
    });
    const head = make("tr", {}, ...COLUMNS.map(([key, title]) => make("th", { scope: "col",
      "aria-sort": column === key ? (down ? "descending" : "ascending") : null },
    make("button", { type: "button", class: "sort", "data-column": key,
      onclick: () => { order = { column: key, down: column === key ? !down : key !== "name" }; again(); focus(key); } },
    title, make("span", { "aria-hidden": "true" }, column === key ? (down ? " ↓" : " ↑") : "")))));
    const body = sorted.slice(0, all ? sorted.length : FIRST_ROWS).map((r) => make("tr", {},
      make("th", { scope: "row" }, make("span", { class: "kind", "aria-hidden": "true" }, r.kind === "word" ? "Aa" : "▣"), r.name),
      make("td", {}, last.inPoints ? points(r.value) : r.value.toPrecision(2).replace("-", "−")), make("td", {}, tight(`${(100 * r.size).toFixed(0)} %`)),
      make("td", {}, r.without === null ? "–" : points(r.without))));
    place.replaceChildren(
      make("table", {}, make("caption", {}, last.inPoints ? "Values and changes in points of probability"
        : "Values as the method gives them; changes in points of probability"), make("thead", {}, head),
      make("tbody", {}, ...body)),
      make("div", { class: "row" }, sorted.length > FIRST_ROWS ? make("button", { type: "button", class: "small",
        onclick: () => { all = !all; again(); } }, all ? "Fewer rows" : `All ${sorted.length} rows`) : null,
      make("button", { type: "button", class: "small", "data-part": "csv", onclick: () => takeAway("csv") }, "Table as CSV")));
    setHidden(place, false);
  }

  const focus = (key) => place.querySelector(`[data-column="${key}"]`)?.focus();

  return { again, render(map, effects, asked, inPoints) { last = { rows: rowsOf(map), effects, asked, inPoints }; again(); } };
}
