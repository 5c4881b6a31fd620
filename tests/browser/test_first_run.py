"""The helper that times a first run reads what the page shows."""

import time

import pytest

from studio.first_run import follow

PAGE = """<div id="training-progress"></div><div id="training-charts"></div><script>
  const show = (state, doing, chart) => {
    document.querySelector("#training-progress").innerHTML = `<p class="state" data-state="${state}"><span></span></p>`;
    document.querySelector("#training-progress span").textContent = doing;
    document.querySelector("#training-charts").innerHTML = chart && `<svg aria-label="Accuracy: x ${chart}"></svg>`;
  };
  const moments = [["running", "Starting Python", ""], ["running", "Drawing scenes: 3 of 9", "22 % at step 0"],
    ["running", "Drawing scenes: 9 of 9", "22 % at step 0"], ["running", "Learning", "90 % at step 20"],
    ["running", "Learning", "91 % at step 40"], [END, "Finished", "93 % at step 60"]];
  let now = 0;
  document.addEventListener("next", () => { show(...moments[now++]); });
  setInterval(() => { if (now < moments.length) document.dispatchEvent(new Event("next")); }, 1500);
</script>"""  # each moment lasts many looks


@pytest.mark.parametrize("end", ["finished", "failed"])
def test_first_point_goal_and_end_are_read_in_their_order(chromium, end):
    page = chromium.new_page()
    page.set_content(PAGE.replace("END", f'"{end}"'))
    found = follow(page, time.monotonic(), 400)
    page.close()
    assert [(p["percent"], p["step"]) for p in found["points"]] == [(22, 0), (90, 20), (91, 40), (93, 60)]
    assert [s["doing"] for s in found["stages"]] == ["Starting Python", "Drawing scenes", "Learning", "Finished"]
    at = {p["percent"]: p["seconds"] for p in found["points"]}
    assert (found["first_point"], found["over_90_percent"], found["state"]) == (at[22], at[91], end)
    assert found["first_point"] < found["over_90_percent"] < found["end"]


def test_a_run_that_never_ends_is_given_up(chromium):
    page = chromium.new_page()
    page.set_content("<p>nothing</p>")
    with pytest.raises(TimeoutError, match="not ended after 0 seconds: not there"):
        follow(page, time.monotonic(), 0)
    page.close()
