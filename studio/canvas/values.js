// How the values of a map are written.

const signOf = (value) => (value > 0 ? "+" : value < 0 ? "−" : "");
const points = (value) => `${signOf(value)}${Math.abs(100 * value).toFixed(1)}`;
const sumOf = (map) => [...map.words, ...map.regions].reduce((s, v) => s + Math.abs(v), 0);

// In points of probability where the method gives such; else as shares of all.
const areInPoints = (map, scaled) => map.signed && !scaled;

function writerOf(map, inPoints) {
  const sum = sumOf(map) || 1;
  return inPoints ? points : (v) => `${map.signed ? signOf(v) : ""}${(100 * Math.abs(v) / sum).toFixed(0)} %`;
}
