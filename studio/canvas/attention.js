// Attention in the browser: the whole pyramid comes once, as bytes; layers, heads, rollout and directions are reckoned here.

const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

function decodePyramid(sent) {
  const weights = bytesOf(sent.weights);
  const scales = new Float32Array(bytesOf(sent.scales).buffer);
  const size = sent.elements.length;

  // [size * size] of one head, as floats.
  function head(layer, number) {
    const first = (layer * sent.heads + number) * size;
    const matrix = new Float32Array(size * size);
    for (let row = 0; row < size; row += 1) {
      const scale = scales[first + row] / 255;
      for (let column = 0; column < size; column += 1) {
        matrix[row * size + column] = weights[(first + row) * size + column] * scale;
      }
    }
    return matrix;
  }

  function mean(layer) {
    const sum = new Float32Array(size * size);
    for (let number = 0; number < sent.heads; number += 1) head(layer, number).forEach((v, i) => { sum[i] += v / sent.heads; });
    return sum;
  }

  // Half of each layer's mean attention and half of what goes past it, multiplied (Abnar and Zuidema 2020).
  function rollout() {
    let flow = null;
    for (let layer = 0; layer < sent.layers; layer += 1) {
      const half = mean(layer).map((v, i) => v / 2 + (i % (size + 1) === 0 ? 0.5 : 0));
      flow = flow ? product(half, flow) : half;
    }
    return flow;
  }

  function product(a, b) {
    const made = new Float32Array(size * size);
    for (let i = 0; i < size; i += 1) {
      for (let k = 0; k < size; k += 1) {
        const factor = a[i * size + k];
        for (let j = 0; factor && j < size; j += 1) made[i * size + j] += factor * b[k * size + j];
      }
    }
    return made;
  }

  const placesOf = (kind, index) => sent.elements.flatMap((e, i) => (e.kind === kind && e.index === index ? [i] : []));

  // How much `chosen` takes from every element ("from"), or every element takes from it ("to"): words and regions by
  // index, and the share that went to special pieces.
  function spread(matrix, chosen, way, words, regions) {
    const own = placesOf(chosen.kind, chosen.index);
    const made = { words: new Array(words).fill(0), regions: new Array(regions).fill(0), special: 0 };
    sent.elements.forEach((element, i) => {
      const values = own.map((o) => (way === "from" ? matrix[o * size + i] : matrix[i * size + o]));
      const value = values.reduce((s, v) => s + v, 0) / (way === "from" ? own.length : 1);
      if (element.kind === "special") made.special += value;
      else made[`${element.kind}s`][element.index] += value;
    });
    return made;
  }

  return { sent, size, head, mean, rollout, spread, placesOf };
}

// A matrix as a small picture: the darker, the more.
function drawMatrix(canvas, matrix, size) {
  canvas.width = size;
  canvas.height = size;
  const context = canvas.getContext("2d");
  const image = context.createImageData(size, size);
  for (let row = 0; row < size; row += 1) {
    let top = 0;
    for (let i = row * size; i < (row + 1) * size; i += 1) top = Math.max(top, matrix[i]);
    for (let i = row * size; i < (row + 1) * size; i += 1) {
      image.data[4 * i] = 0;
      image.data[4 * i + 1] = 114;
      image.data[4 * i + 2] = 178;
      image.data[4 * i + 3] = top ? 255 * (matrix[i] / top) : 0;
    }
  }
  context.putImageData(image, 0, 0);
}

const SHARES = ["text → region", "region → text", "text → text", "region → region"];
const headName = (layer, head) => `layer ${layer + 1}, head ${head + 1}`;

function aboutHead(sent, layer, head) {
  const shares = sent.shares[layer][head].map((v, i) => `${SHARES[i]} ${Math.round(100 * v)} %`).join(", ");
  return tight(`${headName(layer, head)}: entropy ${sent.entropy[layer][head].toFixed(2)} of ${
    Math.log(sent.elements.length).toFixed(2)} nats; ${shares}`);
}

// One small map for each head, with its entropy as a bar and the four shares as a striped line.
function buildGrid(place, pyramid, chosen) {
  const { sent } = pyramid;
  place.style.setProperty("--heads", sent.heads);
  const most = Math.log(sent.elements.length);
  const cells = [];
  for (let layer = 0; layer < sent.layers; layer += 1) {
    for (let head = 0; head < sent.heads; head += 1) {
      const canvas = make("canvas", { "aria-hidden": "true" });
      drawMatrix(canvas, pyramid.head(layer, head), pyramid.size);
      const total = sent.shares[layer][head].reduce((s, v) => s + v, 0) || 1;
      const stripe = make("span", { class: "stripe", "aria-hidden": "true" }, ...sent.shares[layer][head].map((v, i) => {
        const bit = make("i", { class: `share${i}` });
        bit.style.width = share(v / total);
        return bit;
      }));
      const disorder = make("span", { class: "disorder", "aria-hidden": "true" }, make("i"));
      disorder.firstChild.style.width = share(sent.entropy[layer][head] / most);
      cells.push(make("button", { type: "button", class: "cell", "data-head": `${layer} ${head}`, "aria-pressed": "false",
        "aria-label": aboutHead(sent, layer, head), title: aboutHead(sent, layer, head),
        onclick: () => chosen(layer, head) }, canvas, disorder, stripe));
    }
  }
  place.replaceChildren(...cells);
}
