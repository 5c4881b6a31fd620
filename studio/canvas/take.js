// To take away: report, figures, tables, a link, and how to ask the same from a program.

function save(name, type, content) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const TAKES = [
  ["report", "Report", "One HTML file: picture, boxes, caption, answers, maps, proofs, model card, versions."],
  ["svg", "Figure (SVG)", "The painted picture and the values, for a paper."],
  ["png", "Figure (PNG)", "The same as pixels."],
  ["csv", "Values (CSV)", "Every word and region with its value, share, and the answer without it."],
  ["hidings", "Hidings (CSV)", "Every single hiding and what each answer became."],
  ["link", "Link", "Reopens this photo, caption and everything hidden in this studio."],
];

function makeTake({ why, courier, method }) {
  const working = makeWorking(part("take-work"), "Being made");
  const note = (...content) => part("take-note").replaceChildren(...content);

  async function file(what) {
    const { subject, asked } = why;
    note();
    const sent = await working.show(why.works.start("why_take", subject, { asked, method: method(), what }, working.progress));
    save(sent.name, sent.type, sent.base64 ? bytesOf(sent.content) : sent.content);
    note(`${sent.name} is in your downloads.`);
    part("why").dataset.taken = sent.name;
  }

  async function link() {
    const { state } = why.subject;
    const { source } = state.photo;
    note();
    const photo = source.blob ? { kept: (await courier.about("keep", state)).kept } : source;
    const address = linkTo({ photo, ...plainFields(state) });
    try {
      await navigator.clipboard.writeText(address);
    } catch { /* no clipboard here: the address is shown below */ }
    const field = make("input", { type: "text", readonly: true, value: address, "aria-label": "Address of this state" });
    note("Copied where the browser allows it: ", field);
    field.select();
  }

  function take(what) {
    if (!why.subject) return;
    why.quietly((what === "link" ? link() : file(what)).catch((problem) => {
      if (!(problem instanceof Problem)) throw problem;
      if (what === "link") note(problem.message);
    }));
  }

  part("takes").replaceChildren(...TAKES.map(([what, title, about]) => make("div", {},
    make("button", { type: "button", "data-take": what, onclick: () => take(what) }, title), make("p", { class: "hint" }, about))),
  make("div", { class: "api" }, make("b", {}, "From a program"), make("pre", { tabindex: "0" }, [
    "from gradio_client import Client, handle_file",
    `studio = Client("${location.origin}")`,
    "studio.predict(photo=handle_file(\"dog.jpg\"), caption=\"A dog runs.\",",
    "               hidden_words=[1], hidden_regions=[], api_name=\"/predict\")",
  ].join("\n"))));
  return { show: () => null, take };
}

// A state as the part of an address after its #, which browsers do not send to anybody.
const LINK = "#see=";
const linkTo = (fields) => `${location.origin}${location.pathname}${LINK}${btoa(String.fromCharCode(
  ...new TextEncoder().encode(JSON.stringify(fields)))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;

const INCOMPLETE = "This link is incomplete: it was cut short or changed. Copy it once more, whole.";

// What the present address says of a state, or null where it is no link to one. Raises Problem where it cannot be read.
function readLink() {
  if (!location.hash.startsWith(LINK)) return null;
  const text = location.hash.slice(LINK.length).replaceAll("-", "+").replaceAll("_", "/");
  let fields = null;
  try {
    fields = JSON.parse(new TextDecoder().decode(bytesOf(text)));
  } catch { /* said below */ }
  if (!isState(fields)) throw new Problem(INCOMPLETE, "Link");
  return fields;
}

// Whether the fields of a link have the form that `link` gives them.
function isState(fields) {
  const areNumbers = (value) => Array.isArray(value) && value.every(Number.isFinite);
  const areRows = (value, size) => Array.isArray(value) && value.every((row) => areNumbers(row) && row.length === size);
  const ifThere = (value, fits) => value === undefined || value === null || fits(value);
  const { photo, words, regions, boxes, heads, caption } = fields ?? {};
  return (typeof photo?.kept === "string" || Number.isInteger(photo?.number)) && ifThere(words, areNumbers)
    && ifThere(regions, areNumbers) && ifThere(boxes, (rows) => areRows(rows, 4)) && ifThere(heads, (rows) => areRows(rows, 2))
    && ifThere(caption, (text) => typeof text === "string");
}
