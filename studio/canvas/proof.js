// Whether a map can be believed, on this very example: two small charts, the figures, one plain sentence.

const WIDE = 240;
const HIGH = 110;

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function lineOf({ name, probability }) {
  const last = Math.max(1, probability.length - 1);
  const path = probability.map((p, i) => `${i ? "L" : "M"}${(WIDE * i / last).toFixed(1)} ${(HIGH * (1 - p)).toFixed(1)}`);
  return svg("path", { d: path.join(""), class: `line ${name}` });
}

function chartOf(title, good, curves) {
  const [map, random, attention] = curves.map((c) => c.area.toFixed(2));
  const chart = svg("svg", { viewBox: `0 -4 ${WIDE} ${HIGH + 8}`, role: "img", preserveAspectRatio: "none",
    "aria-label": `${title}: area ${map}, random ${random}, raw attention ${attention}` },
  svg("path", { d: `M0 ${HIGH}H${WIDE}M0 0H${WIDE}M0 ${HIGH / 2}H${WIDE}`, class: "axis" }),
  ...[...curves].reverse().map(lineOf));
  return make("figure", {}, make("figcaption", {}, make("b", {}, title), ` ${good}`), chart,
    make("p", { class: "hint" }, "area under it: ", make("b", { class: "key map" }, map), " this map, ",
      make("b", { class: "key random" }, random), " random, ", make("b", { class: "key attention" }, attention), " raw attention"));
}

const SIGNS = { good: "✓", mixed: "≠", bad: "!" };

function renderProof(proof) {
  const { deletion, insertion } = proof.curves;
  const kind = proof.believable ? "good" : proof.verdict === "the curves disagree" ? "mixed" : "bad";
  const all = deletion[0].probability.length;
  const thinned = proof.points < all ? ` Measured at ${proof.points} of ${all} steps.` : "";
  const facts = [
    ["Rank correlation with leave-one-out", proof.rank_correlation.toFixed(2)],
    [`Better deletion than random orders (${proof.orders})`, `${Math.round(100 * proof.better_than)} %`],
    [`Better insertion than random orders (${proof.orders})`, `${Math.round(100 * proof.better_insertion_than)} %`],
    ["Completeness: sum against the whole change", proof.gap === null ? "not promised" : `off by ${(100 * proof.gap).toFixed(2)} %`],
  ];
  part("proof").replaceChildren(
    make("p", { class: `claim ${kind}` }, make("span", { class: "sign", "aria-hidden": "true" }, SIGNS[kind]), proof.sentence),
    make("div", { class: "charts" }, chartOf("Deletion", "(lower is better)", deletion),
      chartOf("Insertion", "(higher is better)", insertion)),
    make("dl", { class: "facts" }, ...facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, tight(value))))),
    make("p", { class: "hint" }, "Deletion hides words and regions one after another, the most important first, by the "
      + "model’s own masks, and follows the answer’s probability; insertion starts from nothing. The map gets a tick where "
      + "both curves beat 95\u00a0% of the random orders and agree on raw attention. "
      + `The random orders come from seed ${proof.seed}, which belongs to this question.${thinned}`));
  setHidden(part("proof"), false);
}
