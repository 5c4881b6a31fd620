// Attribution: how much each word and region does for the answer, by the ways of “Why?”, each with its proof.

const FIRST_WORK = 2e9; // numbers of its own, apart from those of “Why?”

function makeAttributing({ complain }) {
  const works = makeWorks(courier, FIRST_WORK);
  const working = makeWorking(part("map-work"), "Being made");
  let methods = [];
  let run = 0; // counts up, so that the end of an earlier one is none of the present one's business

  async function load() {
    if (methods.length) return;
    const reply = await courier.call("why_methods");
    if (methods.length) return;
    methods = reply.methods;
    part("method").replaceChildren(...methods.map((m) => make("option", { value: m.name }, m.title)));
    part("method").value = reply.default;
  }

  // What is shown is asked for once; what is not shown any more is stopped.
  async function show() {
    const { result, mode } = now;
    if (!result) return;
    now.light = "map";
    run += 1;
    const mine = run;
    works.stopAll();
    working.clear();
    try {
      await load();
      const method = part("method").value;
      const shown = () => now.result === result && now.light === "map" && part("method").value === method;
      if (!shown()) return;
      const made = (result.maps[method] ||= { method: methods.find((m) => m.name === method), map: null, proof: null });
      result.map = made;
      redraw();
      const fields = { ...result.question, answer: answerOf(result, mode), method };
      const start = (name) => working.show(works.start(name, { state: state(), masking: "feature" }, fields, working.progress));
      made.map ||= await start("task_map");
      if (!shown()) return;
      redraw();
      made.proof ||= await start("task_proof");
      if (shown()) redraw();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (mine === run) {
        result.map = { ...result.map, ended: true };
        redraw();
      }
      if (problem.kind !== "StoppedError") complain(problem.message);
    }
  }

  part("method").addEventListener("change", show);
  return { show };
}
