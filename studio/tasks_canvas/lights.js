// The regions on the photo and under it, and how brightly each is lit.

const NEARLY = 0.6; // share of the brightest from which a region is drawn though it is none of the first

// What lights up: of each region and word a value 0..1, and what is written on it.
function lightsOf(now) {
  const { result } = now;
  if (!result) return { regions: new Map(), words: [], note: "" };
  if (now.light === "looks" && result.looks) return attentionLights(result.looks, now.element);
  if (now.light === "map") return mapLights(result.map);
  if (now.light === "scores") return pointLights(result);
  return result.carried ? carriedLights(result.carried, now) : { regions: new Map(), words: [], note: result.wait || "" };
}

function pointLights(result) {
  return { words: [], note: "The five regions that the words mean most likely, each with its probability.",
    regions: new Map(result.answer.rows.map((r) => [r.number, { value: r.probability, text: r.percent, kept: true }])) };
}

const change = (lost) => `${lost > 0 ? "−" : "+"}${Math.abs(100 * lost).toFixed(Math.abs(lost) < 0.0995 ? 1 : 0)}`;

function carriedLights(carried, now) {
  const lost = carried.regions.map((r) => r.lost);
  const most = Math.max(0.01, ...lost);
  const mostWord = Math.max(0.01, ...carried.words.map((w) => w.lost));
  const regions = new Map(lost.map((v, i) => [i, { value: Math.max(0, v) / most, text: `${change(v)} points` }]));
  regions.delete(0);
  return { regions, words: carried.words.map((w) => ({ text: w.text, value: Math.max(0, w.lost) / mostWord,
    title: `Without it: ${w.percent}` })), note: carriedNote(carried, now) };
}

// The sentence under the photo: which single thing the answer would miss most.
function carriedNote(carried, now) {
  const regions = carried.regions.map((r, i) => ({ ...r, name: `region “${regionName(now, i)}”` })).slice(1);
  const words = carried.words.map((w) => ({ ...w, name: `word “${w.text}”` }));
  const [top] = [...regions].sort((a, b) => b.lost - a.lost);
  const [word] = words.sort((a, b) => b.lost - a.lost);
  const said = (one) => `the ${one.name}: without it ${carried.percent} becomes ${one.percent}`;
  const parts = [];
  if (!top || top.lost < 0.01) {
    parts.push("No single region carries it: hiding any one of them alone takes less than one point"
      + (regions.length > 8 ? ", for overlapping boxes stand in for one another." : "."));
  } else parts.push(`Most rests on ${said(top)}.`);
  if (word && word.lost >= 0.01) parts.push(`Of the words it is ${said(word)}.`);
  return tight(parts.join(" "));
}

const NOT_MADE = "It was not made. Press “attribution” to have it made after all.";
const NOT_PROVEN = "Whether to believe it was not found out; press “attribution” to have that done after all.";

// By a chosen way of explaining, what speaks against the answer in another colour.
function mapLights(made) {
  if (!made?.map) return { regions: new Map(), words: [], note: made?.ended ? NOT_MADE : "Being made…" };
  const { map, method, proof, ended } = made;
  const belief = proof ? proof.sentence : ended ? NOT_PROVEN : "Whether to believe it is being found out…";
  const inPoints = areInPoints(map, method.scaled);
  const write = writerOf(map, inPoints);
  const light = (v) => ({ value: Math.abs(v) / (map.scale || 1), against: v < 0,
    text: tight(`${write(v)}${inPoints ? " points" : ""}`) });
  const regions = new Map(map.regions.map((v, i) => [i, light(v)]));
  regions.delete(0);
  return { regions, words: map.texts.map((text, i) => { const own = light(map.words[i]); return { ...own, text, title: own.text }; }),
    note: tight(`${map.sentence} ${method.title}: ${method.sentence} ${belief}`) };
}

function attentionLights(looks, element) {
  const row = looks.weights[element] || [];
  const own = looks.elements.map((e, i) => ({ ...e, weight: row[i] || 0 }));
  const shown = own.filter((e) => e.kind !== "special");
  const most = Math.max(1, ...shown.map((e) => e.weight));
  const light = (e) => ({ value: e.weight / most, text: `${(e.weight / 10).toFixed(1)} %` });
  const special = own.filter((e) => e.kind === "special").reduce((sum, e) => sum + e.weight, 0);
  return {
    regions: new Map(shown.filter((e) => e.kind === "region").map((e) => [e.index, light(e)])),
    words: shown.filter((e) => e.kind === "word").map((e) => ({ text: e.text, value: e.weight / most,
      title: light(e).text })),
    note: tight(`Attention of the last layer, mean over its heads; ${(special / 10).toFixed(0)} % goes to special pieces. `
      + "Attention says where the model looked, not why it answered."),
  };
}

const regionName = (now, index) => (index === 0 ? "whole picture" : now.names?.[index - 1] || nameOf(now.regions, index));

function drawnRegions(now, lit) {
  const strongest = Math.max(0.0001, ...[...lit.values()].map((l) => l.value));
  return (now.regions || []).map((_, i) => i).slice(1).filter((i) => now.all || now.regions[i].first
    || lit.get(i)?.kept || (lit.get(i)?.value || 0) >= NEARLY * strongest || i === now.result?.best);
}

function makeRegions({ choose, point }) {
  const layer = part("boxes");
  const list = part("regions");
  const settle = makeRow(list);
  let drawnFor = "";

  const button = (index, kind, ...children) => make("button", { type: "button", class: kind, "data-region": index,
    onclick: () => choose(index), onpointerenter: () => point(index), onpointerleave: () => point(null),
    onfocus: () => point(index), onblur: () => point(null) }, ...children);

  function build(shown) {
    const held = [layer, list].map((l) => (l.contains(document.activeElement) ? document.activeElement.dataset.region : null));
    layer.replaceChildren(...shown.map((i) => button(i, "box", make("i", { class: "light" }), make("span", { class: "guess" }))));
    list.replaceChildren(...shown.map((i) => button(i, "chip", make("span", { class: "name" }), make("small"))));
    settle();
    [layer, list].forEach((l, n) => held[n] && l.querySelector(`[data-region="${held[n]}"]`)?.focus());
  }

  function renderOne(now, index, light, [box, chip]) {
    const name = regionName(now, index);
    const numbered = now.mode === "choose" ? `${index} · ${name}` : name;
    const best = now.mode === "point" && now.result?.best === index;
    setPlace(box, now.regions[index].box);
    box.style.zIndex = String((best ? 1001 : 1000) - Math.round(990 * Math.min(1, areaOf(now.regions[index].box))));
    box.firstChild.classList.toggle("against", Boolean(light?.against));
    box.firstChild.style.opacity = String((light?.kept ? 0.3 : 0.6) * (light?.value || 0));
    for (const node of [box, chip]) {
      node.classList.toggle("pointed", now.pointed === index);
      node.classList.toggle("meant", best);
    }
    const label = best ? `${name} ${now.result.answer.rows[0].percent}`
      : now.mode === "choose" ? String(index) : light?.kept ? light.text : "";
    setText(box.lastChild, label);
    setHidden(box.lastChild, !label);
    setAttribute(box, "aria-label", `Region ${numbered}${light ? `, ${light.text}` : ""}`);
    setText(chip.firstChild, numbered);
    setText(chip.lastChild, light ? light.text : now.names || now.result ? "" : sureOf(now.regions[index]).trim());
  }

  return function render(now, lights) {
    const shown = drawnRegions(now, lights.regions);
    const key = `${now.opening} ${now.regions?.length} ${shown.join()}`;
    if (key !== drawnFor) build(shown);
    drawnFor = key;
    shown.forEach((index, k) => renderOne(now, index, lights.regions.get(index), [layer.children[k], list.children[k]]));
    const tag = part("tag");
    setHidden(tag, now.pointed === null || !now.regions?.[now.pointed]);
    if (!tag.hidden) {
      const [x, y] = now.regions[now.pointed].box;
      const light = lights.regions.get(now.pointed);
      setText(tag, `${regionName(now, now.pointed)}${light ? ` ${light.text}` : sureOf(now.regions[now.pointed])}`);
      tag.style.left = share(Math.min(x, 0.7));
      tag.style.top = share(y);
      tag.classList.toggle("inside", y < 0.08);
    }
    const all = (now.regions?.length || 1) - 1;
    setHidden(part("more"), !now.all && shown.length === all);
    setAttribute(part("more"), "aria-pressed", now.all);
    setText(part("more"), now.all ? "Fewer boxes" : `All ${all} boxes`);
  };
}
