// Long work on the server: started with a number, followed by it and stopped by it.

const FOLLOW = 250;

function makeWorks(courier, first = 0) {
  let last = first;
  const underWay = new Set();

  // subject: { state, masking }. Returns { result: a promise, stop }; `progress` gets (done, total) now and then.
  function start(name, subject, fields, progress = null) {
    last += 1;
    const work = last;
    underWay.add(work);
    if (progress) follow(work, progress);
    const stop = () => {
      if (underWay.has(work)) courier.call("why_stop", { work }).catch(() => {});
    };
    const result = courier.about(name, subject.state, { masking: subject.masking, work, ...fields }).finally(() => {
      underWay.delete(work);
    });
    return { result, stop };
  }

  // One call at a time, and a longer pause after each that fails.
  async function follow(work, progress) {
    const pauses = makePauses(FOLLOW);
    for (;;) {
      await pauses.rest();
      if (!underWay.has(work)) return;
      try {
        const { done, total } = await courier.call("why_progress", { work });
        pauses.answered();
        if (underWay.has(work)) progress(done, total);
      } catch { /* the pause grows */ }
    }
  }

  return {
    start,
    stopAll() {
      for (const work of underWay) courier.call("why_stop", { work }).catch(() => {});
    },
  };
}

// A line with a bar and a Stop button while something is computed, then what came of it if it failed.
function makeWorking(place, what) {
  const bar = make("progress", { "aria-label": what });
  const text = make("span", { class: "hint" });
  const stop = make("button", { type: "button", class: "small" }, "Stop");
  const line = make("div", { class: "working" }, bar, text, stop);
  let task = null;
  let timer = null;
  stop.addEventListener("click", () => { task?.stop(); clear("Stopped."); });

  function clear(message = "") {
    clearTimeout(timer);
    task = null;
    place.replaceChildren(...(message ? [make("p", { class: "hint", role: "status" }, message)] : []));
  }

  return {
    clear,
    progress(done, total) {
      if (!total) return;
      bar.max = total;
      bar.value = done;
      setText(text, `${what}: ${done} of ${total}`);
    },
    // What is there within a moment is shown without a flicker of a bar.
    show(started) {
      clear();
      task = started;
      bar.removeAttribute("value");
      setText(text, `${what}…`);
      timer = setTimeout(() => place.replaceChildren(line), 200);
      return started.result.then((reply) => { if (task === started) clear(); return reply; }, (problem) => {
        if (task === started) clear(problem.kind === "StoppedError" ? "Stopped." : problem.message);
        throw problem;
      });
    },
  };
}
