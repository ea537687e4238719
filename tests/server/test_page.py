# SPDX-License-Identifier: Apache-2.0
"""The pages in a browser, as people use them. NESTVEC_SCREENSHOTS names a folder for pictures of them."""

import base64
import json
import math
import os
import pathlib
import socket
import subprocess
import urllib.error
import urllib.request

import numpy
import pytest

from chromium import Browser, find_chromium
from process import MODELS, V3, Command, Served
from hub_standin import HubStandin, Model  # process puts tests/e2e on the path
from ports import free_port
from waiting import wait_until

SCREENSHOTS = os.environ.get("NESTVEC_SCREENSHOTS")

pytestmark = pytest.mark.skipif(
    find_chromium() is None and "NESTVEC_NEED_CHROMIUM" not in os.environ,
    reason="Chromium is not installed (Debian: apt-get install chromium)")

OPEN = "[role=tabpanel]:not([hidden])"
STATUS = f"document.querySelector('{OPEN} .status').textContent"
ERROR = f"document.querySelector('{OPEN} .error').textContent"
DONE = f"{STATUS}.includes('vectors of')"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(find_chromium(), tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture
def keyed_server(tmp_path):
    with Served(tmp_path, "--api-key", "open-sesame") as running:
        yield running


@pytest.fixture
def page(browser, server):
    page = browser.open(server.url + "/")
    page.wait("document.querySelector('#model').textContent.includes('dimensions')")
    yield page
    page.evaluate("localStorage.clear()")


def embed(server, **body):
    request = urllib.request.Request(server.url + "/v1/embeddings", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["data"]


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / math.hypot(*a) / math.hypot(*b)


def run_javascript(page, code):
    """What it writes to the console."""
    return page.evaluate("(async () => { const lines = []; const console = { log: (...words) => "
                         f"lines.push(words.join(' ')) }};\n{code}\nreturn lines.join('\\n'); }})()")


def run_code(page, language):
    """What the code of the page prints, run in a shell or checked by the interpreter."""
    page.evaluate(f"""(() => {{ const e = document.querySelector('#language');
        e.value = '{language}'; e.dispatchEvent(new Event('change')); }})()""")
    code = page.text("#code code")
    if language == "python":
        compile(code, "page", "exec")
        return code
    if language == "javascript":
        return run_javascript(page, code)
    return subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True).stdout


def test_compare_draws_the_cosines_of_all_pairs(page, server):
    texts = ["one two", "two three", "something else", "ein Wort"]
    page.fill("#compare textarea", "\n".join(texts))
    page.press("Enter", control=True)
    page.wait(DONE)
    vectors = [entry["embedding"] for entry in embed(server, model="m", input=texts)]
    expected = [f"{cosine(a, b):.2f}" for a in vectors for b in vectors]
    shown = page.texts(".heat td")
    assert len(shown) == 16
    assert all(abs(float(a) - float(b)) <= 0.011 for a, b in zip(shown, expected))
    assert page.evaluate("document.querySelectorAll('.projection circle').length") == 4
    assert "variance" in page.text(".projection figcaption")
    assert page.complaints() == []


def test_map_shows_the_principal_plane(page):
    vectors = numpy.random.default_rng(7).normal(size=(9, 40)) * numpy.geomspace(5, 0.1, 40)
    plane = page.evaluate("import('/vectors.js').then((m) => "
                          f"m.principalPlane({json.dumps(vectors.tolist())}))")
    left, values, _ = numpy.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    expected = left[:, :2] * values[:2]
    points = numpy.array(plane["points"])
    points *= numpy.sign((points * expected).sum(axis=0))  # an axis may point either way
    assert numpy.abs(points - expected).max() < 1e-3 * values[0]
    assert plane["shares"] == pytest.approx((values**2 / (values**2).sum())[:2], abs=1e-4)


def test_floats_come_out_of_base64_as_they_went_in(page):
    values = numpy.array([0.1, -1e-38, 3e38, 0, -2.5], dtype="<f4")
    text = base64.b64encode(values.tobytes()).decode()
    decoded = page.evaluate(f"import('/vectors.js').then((m) => [...m.decodeFloats('{text}')])")
    assert numpy.array_equal(numpy.array(decoded, dtype="<f4"), values)


def test_heat_map_is_read_by_keyboard(page):
    page.fill("#compare textarea", "a\nb\nc")
    page.press("Enter", control=True)
    page.wait(DONE)
    page.evaluate("document.querySelector('.heat td[tabindex=\"0\"]').focus()")
    page.press("ArrowRight")
    page.press("ArrowDown")
    page.press("ArrowDown")
    place = "(({row, column}) => `${row},${column}`)(document.activeElement.dataset)"
    assert page.evaluate(place) == "2,1"
    assert "“c” and 2 “b”" in page.text(".heat .readout")
    assert page.evaluate("document.querySelector('.projection g.on title').textContent") == "3 c"
    page.press("Home")
    assert page.evaluate(place) == "2,0"


def test_dimensions_slider_asks_for_shorter_vectors(page):
    widths = page.evaluate("document.querySelector('#compare [name=dimensions]').max")
    if widths == "0":
        pytest.skip("the model lists no shorter sizes")
    page.evaluate("""(() => { const e = document.querySelector('#compare [name=dimensions]');
        e.value = 0; e.dispatchEvent(new Event('input')); })()""")
    size = page.text("#compare .slider output")
    page.click("#compare .go")
    page.wait(DONE)
    assert f"vectors of {size} dimensions" in page.text(OPEN + " .status")


def test_search_ranks_documents(page, server):
    documents = ["alpha beta", "gamma", "a query of words", "words"]
    page.click("#tab-search")
    page.fill("#search [name=query]", "query words")
    page.fill("#search textarea", "\n".join(documents))
    page.click("#search .go")
    page.wait(DONE)
    asked = embed(server, model="m", input="query words", task="retrieval.query")[0]["embedding"]
    found = embed(server, model="m", input=documents, task="retrieval.passage")
    scores = [cosine(asked, entry["embedding"]) for entry in found]
    best = sorted(range(len(documents)), key=lambda i: -scores[i])
    assert page.texts("#search .ranking li span") == [documents[i] for i in best]
    shown = [float(score) for score in page.texts("#search .ranking b")]
    assert shown == pytest.approx([scores[i] for i in best], abs=2e-3)


def test_long_text_is_coloured_chunk_by_chunk(page, server):
    text = "Erste Aussage über 猫 🐈. Second one!\n\nDie dritte? And a fourth."
    page.click("#tab-passage")
    page.fill("#passage [name=query]", "second")
    page.fill("#passage textarea", text)
    page.click("#passage .go")
    page.wait(DONE)
    chunks = embed(server, model="m", input=[text], task="retrieval.passage", late_chunking=True,
                   chunking={"by": "sentence", "size": 1})
    marks = page.texts("#passage .chunks mark")
    assert len(marks) == len(chunks) > 2
    assert marks[0].strip() == "Erste Aussage über 猫 🐈."
    assert marks[-1].strip() == "And a fourth."
    shown = page.evaluate("document.querySelector('#passage .chunks').textContent")
    assert shown.strip() == text, "what stands between chunks is shown, too"
    asked = embed(server, model="m", input="second", task="retrieval.query")[0]["embedding"]
    scores = [cosine(asked, entry["embedding"]) for entry in chunks]
    titles = page.evaluate(
        "[...document.querySelectorAll('#passage mark')].map((e) => Number(e.title))")
    assert titles == pytest.approx(scores, abs=2e-3)
    page.evaluate("document.querySelectorAll('#passage mark')[1].focus()")
    assert page.text("#passage .readout").startswith("Chunk 2: similarity ")


def test_code_does_what_was_just_done(page):
    page.fill("#compare textarea", "it's one\n$HOME \"two\" \\n")
    page.click("#compare .go")
    page.wait(DONE)
    assert len(json.loads(run_code(page, "curl"))["data"]) == 2
    code = run_code(page, "python")
    assert 'client.embeddings.create(' in code and '"it\'s one"' in code
    code = run_code(page, "javascript")
    assert code.startswith("200 {") and len(json.loads(code[4:])["data"]) == 2
    page.click("#copy")
    page.wait("/^Copied|Ctrl\\+C/.test(document.querySelector('#copied').textContent)")
    page.click("#tab-search")
    page.wait(DONE)
    assert page.text("#code code").count("retrieval.") == 2
    page.click("#tab-compare")
    assert "it's one" in page.text("#code code")


def test_errors_are_shown_as_the_server_says_them(page, server):
    page.click("#tab-passage")
    page.evaluate("document.querySelector('#passage [name=by]').innerHTML += "
                  "'<option value=\"verse\" selected>'")
    page.click("#passage .go")
    page.wait(f"{ERROR} !== ''")
    with pytest.raises(urllib.error.HTTPError) as refused:
        embed(server, model="m", input=["x"], late_chunking=True,
              chunking={"by": "verse", "size": 1})
    assert page.evaluate(ERROR) == json.load(refused.value)["error"]["message"]
    role = f"document.querySelector('{OPEN} .error').getAttribute('role')"
    assert page.evaluate(role) == "alert"
    page.click("#tab-compare")
    page.fill("#compare textarea", "alone")
    page.click("#compare .go")
    page.wait(f"{ERROR} === 'Enter at least two texts.'")
    assert page.text(OPEN + " .status").strip() == ""
    assert page.evaluate("document.querySelector('#compare .results').hidden"), "it was of other texts"


def test_key_is_asked_for_and_kept_in_the_tab_only(browser, keyed_server):
    page = browser.open(keyed_server.url + "/")
    page.wait("document.activeElement.id === 'key'")
    assert page.text(OPEN + " .error") == "This server asks for an API key: enter it above."
    assert page.text("#compare form").count("Task") == 0, "no box without choices"
    assert page.text("#compare form").count("Dimensions") == 0, "no slider without a number"
    page.fill("#key", "no header holds a \N{EN DASH}")
    page.press("Enter")
    page.wait(f"{ERROR} === 'The server does not accept this API key. Check it above.'")
    page.fill("#key", "open-sesame")
    page.press("Enter")
    page.wait(DONE)
    assert page.evaluate(ERROR) == ""
    assert "default" in page.text("#compare [name=task]")
    assert page.text("#compare .slider output") == page.text("#model").split(" dimensions")[0].split()[-1]
    assert "open-sesame" not in page.text("#code code")
    assert "$NESTVEC_API_KEY" in page.text("#code code")
    assert page.evaluate("sessionStorage.getItem('nestvec-key')") == "open-sesame"
    assert page.evaluate("localStorage.length") == 0
    assert page.evaluate("document.cookie + location.href").count("sesame") == 0


def test_tab_goes_through_all_controls_and_focus_is_seen(page):
    page.evaluate("document.activeElement.blur()")
    seen = []
    for _ in range(20):
        page.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break  # behind the last one
        seen.append(page.evaluate(
            "(({id, name, className, textContent}) => id || name || className || textContent)"
            "(document.activeElement)"))
        outline = page.evaluate("(({outlineStyle, outlineWidth}) => outlineStyle + outlineWidth)"
                                "(getComputedStyle(document.activeElement))")
        assert outline.startswith("solid") and outline != "solid0px", seen[-1]
    wanted = ["skip", "key", "theme", "API", "tab-compare", "texts", "split", "task", "dimensions",
              "go"]
    assert [name for name in wanted if name not in seen] == []
    assert seen.index("tab-compare") < seen.index("texts") < seen.index("go")
    page.evaluate("document.querySelector('#tab-compare').focus()")
    for key, tab in [("ArrowRight", "search"), ("End", "passage"), ("ArrowRight", "compare"),
                     ("ArrowLeft", "passage"), ("Home", "compare")]:
        page.press(key)
        assert page.evaluate("document.activeElement.id") == f"tab-{tab}"
        assert not page.evaluate(f"document.querySelector('#{tab}').hidden")


CONTRAST = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const known = new Map();
  const rgb = (color) => {
    if (!known.has(color)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      known.set(color, [...canvas.getImageData(0, 0, 1, 1).data]);
    }
    return known.get(color);
  };
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = (e) => {
    for (; e; e = e.parentElement) {
      const color = rgb(getComputedStyle(e).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255];
  };
  const own = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const poor = [];
  for (const e of document.querySelectorAll('body *')) {
    if (e.closest('svg') || !own(e) || !e.checkVisibility() || e.matches('.skip, .hidden')) continue;
    const style = getComputedStyle(e);
    if (style.fontSize === '0px') continue;
    const [a, b] = [luminance(rgb(style.color)), luminance(paper(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${e.tagName}.${e.className} ${e.textContent.slice(0, 20)} ${ratio}`);
  }
  return poor;
})()"""


def take_picture(page, name):
    if SCREENSHOTS:
        page.screenshot(pathlib.Path(SCREENSHOTS) / f"{name}.png")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 400])
def test_pages_are_legible(browser, server, dark, width):
    page = browser.open(server.url + "/", width=width, dark=dark)
    page.wait("document.querySelector('#model').textContent.includes('dimensions')")
    name = f"{'dark' if dark else 'light'}-{width}"
    for tab in ("compare", "search", "passage"):
        page.click(f"#tab-{tab}")
        page.click(f"#{tab} .go")
        page.wait(DONE)
        take_picture(page, f"{tab}-{name}")
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page = browser.open(server.url + "/docs#post-v1-embeddings", width=width, dark=dark)
    page.wait("document.querySelectorAll('article').length > 0")
    page.click("#post-v1-embeddings .go")
    page.wait("!document.querySelector('#post-v1-embeddings [aria-label=Response]').hidden")
    take_picture(page, f"docs-{name}")
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_theme_button_turns_the_page_over(page):
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert page.text("#theme") == "Dark mode"
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    assert page.text("#theme") == "Light mode"


def test_examples_are_drawn_without_being_asked_for(page):
    page.wait(DONE)
    assert len(page.texts(".heat td")) == 64
    assert page.evaluate("document.activeElement === document.body"), "the focus stays"
    assert page.evaluate("scrollY") == 0
    page.click("#tab-search")
    page.wait(DONE)
    assert len(page.texts("#search .ranking li")) == 6
    page.click("#tab-passage")
    page.wait(DONE)
    assert len(page.texts("#passage mark")) > 5
    assert page.complaints() == []


HOLD_SLOW = """
  const real = window.fetch;
  window.fetch = async (path, options) => {
    if (options?.body?.includes('slow')) {
      window.held = options.signal;
      await new Promise((resolve) => { window.release = resolve; });
    }
    return real(path, options);
  };"""


def test_last_press_wins(browser, server):
    page = browser.open(server.url + "/", before=HOLD_SLOW)
    page.wait(DONE)
    page.fill("#compare textarea", "slow\nslower\nslowest")
    page.click("#compare .go")
    page.wait("window.held !== undefined")
    assert page.evaluate("document.querySelector('#compare .go').getAttribute('aria-busy')") == "true"
    page.fill("#compare textarea", "one\ntwo")
    page.click("#compare .go")
    page.wait(f"{STATUS}.startsWith('2 vectors')")
    assert page.evaluate("window.held.aborted")
    page.evaluate("window.release()")
    assert page.evaluate("document.querySelector('#compare .go').getAttribute('aria-busy')") is None
    assert page.evaluate("document.querySelectorAll('.projection circle').length") == 2
    assert page.evaluate(ERROR) == ""


def test_a_thousand_texts_make_a_map(page):
    words = ["north", "sea", "bread", "stone", "music", "rain", "glass", "horse", "iron", "paper"]
    texts = [f"{a} {b} {c}" for a in words for b in words for c in words]
    texts[777] = texts[123]
    page.fill("#compare textarea", "\n".join(texts + ["one more"]))
    page.click("#compare .go")
    page.wait(f"{ERROR}.startsWith('You entered 1,001 texts')")
    page.fill("#compare textarea", "\n".join(texts))
    page.click("#compare .go")
    page.wait(f"/ of 1,000$/.test({STATUS})")
    page.wait(DONE)
    assert page.text("#compare .status").startswith("1,000 vectors")
    assert page.evaluate("document.querySelectorAll('.projection circle').length") == 1000
    assert not page.evaluate("document.querySelector('.heat').checkVisibility()")
    pairs = page.texts("#compare .pairs li")
    assert len(pairs) == 10
    assert pairs[0].startswith("1.000") and "124 sea bread stone" in pairs[0] and "778 " in pairs[0]
    page.evaluate("document.querySelectorAll('.projection circle')[777].dispatchEvent("
                  "new PointerEvent('pointerover', {bubbles: true}))")
    assert "closest to 124 \u201csea bread stone\u201d 1.000" in page.text(".projection .readout")
    assert page.complaints() == []
    take_picture(page, "map-1000")


@pytest.mark.parametrize("width, height", [(1280, 900), (1280, 600), (400, 900)])
def test_heat_map_has_squares_that_fit_the_screen(browser, server, width, height):
    page = browser.open(server.url + "/", width=width, height=height)
    for size in (2, 8, 20, 60, 100):
        page.fill("#compare textarea", "\n".join(f"text {i}" for i in range(size)))
        page.click("#compare .go")
        page.wait(f"{STATUS}.startsWith('{size} vectors')")
        cells = page.evaluate("[...document.querySelectorAll('.heat td')].map((e) => "
                              "(({width, height}) => [width, height])(e.getBoundingClientRect()))")
        assert len(cells) == size * size
        assert all(abs(across - down) <= 1 and across >= 2.5 for across, down in cells), (size, cells[0])
        table = page.evaluate("(({width, height}) => [width, height])"
                              "(document.querySelector('.heat table').getBoundingClientRect())")
        assert page.evaluate("(({scrollWidth, clientWidth}) => scrollWidth <= clientWidth)"
                             "(document.querySelector('.heat'))"), (size, table)
        assert table[1] <= 0.9 * height
        take_picture(page, f"heat-{size}-{width}-{height}")
    page.view(700, height)
    page.wait("document.querySelector('.heat table').getBoundingClientRect().width <= 660 && "
              "document.querySelector('.heat td').getBoundingClientRect().width >= 4")


def test_colours_and_bars_span_the_scores(page):
    page.wait(DONE)
    shades = page.evaluate("[...document.querySelectorAll('.heat td')].map((e) => "
                           "[e.dataset.row === e.dataset.column, e.style.getPropertyValue('--t')])")
    assert {shade for is_self, shade in shades if is_self} == {""}, "a text and itself: no colour"
    others = [float(shade) for is_self, shade in shades if not is_self]
    assert (min(others), max(others)) == (0, 1)
    page.click("#tab-search")
    page.wait(DONE)
    bars = page.evaluate("[...document.querySelectorAll('#search .ranking i')].map((e) => "
                         "Number(e.style.getPropertyValue('--t')))")
    scores = [float(score) for score in page.texts("#search .ranking b")]
    assert (bars[0], bars[-1]) == (1, 0)
    said = page.text("#search .summary")
    assert said.startswith(f"Best: {scores[0]:.3f}, ") and f"{scores[-1]:.3f}" in said
    gap = float(said.split(", ")[1].split()[0])
    assert gap == pytest.approx(scores[0] - scores[1], abs=0.0011)


LOADING = """
  window.loading = 'loading';
  const real = window.fetch;
  window.fetch = (path, options) => {
    if (!window.loading || String(path).endsWith('.js')) return real(path, options);
    if (window.loading === 'gone') return Promise.reject(new TypeError('Failed to fetch'));
    return Promise.resolve(new Response(JSON.stringify({ progress: window.progress, step: window.step,
      status: window.loading, error: { message: 'the model is being loaded' } }), { status: 503 }));
  };"""


def test_page_waits_for_a_model_that_is_loading(browser, server):
    page = browser.open(server.url + "/", before=LOADING)
    page.wait("document.querySelector('#model').textContent === 'The model is loading …'")
    assert page.evaluate(STATUS) == "The model is loading …"
    assert page.evaluate(ERROR) == ""
    page.evaluate("window.progress = 0.42; window.step = 'compiling'")
    page.wait(f"{STATUS} === 'The model is loading … 42%\\ncompiling'")
    assert page.text("#model") == "The model is loading … 42%"
    page.evaluate("window.loading = 'draining'")
    page.wait(f"{STATUS}.startsWith('The server is shutting down …')")
    page.evaluate("window.loading = 'gone'")
    page.wait(f"{STATUS} === 'The server does not answer. Trying again …'")
    page.evaluate("window.loading = ''")
    page.wait(DONE)
    docs = browser.open(server.url + "/docs", before=LOADING)
    docs.wait("document.querySelector('main [role=status]').textContent === 'The model is loading …'")
    docs.evaluate("window.loading = ''")
    docs.wait("document.querySelectorAll('article').length > 0")


def test_page_of_a_server_that_fetches_its_model(browser, tmp_path):
    """Nothing is made up here: the page is open before there is a model."""
    with HubStandin() as hub:
        files = {str(path.relative_to(V3)): path.read_bytes() for path in V3.rglob("*") if path.is_file()}
        hub.models["org/tiny"] = Model(files=files)
        hub.crowd = 1000  # until then no file comes
        port = free_port()
        server = Command(tmp_path).start(
            "serve", "--model", "org/tiny", "--pull", "--http", f"127.0.0.1:{port}", "--quiet",
            env={"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf")}, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: answers(port), "the server to listen")
            page = browser.open(f"http://127.0.0.1:{port}/")
            for _ in range(2):
                page.wait(f"{STATUS}.startsWith('The model is loading …')")
                page.reload()
            with hub.lock:
                hub.crowd = 0
                hub.lock.notify_all()
            page.wait(DONE)
            assert "dimensions" in page.text("#model")
        finally:
            server.terminate()
            server.wait(60)


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


MULTILINGUAL = """
  const real = window.fetch;
  window.fetch = async (path, options) => {
    const response = await real(path, options);
    if (path !== 'info') return response;
    return new Response(JSON.stringify({ ...await response.json(), multilingual: true }));
  };"""


def test_examples_fit_the_languages_of_the_model(browser, server, page):
    texts = "document.querySelector('#compare textarea').value"
    assert "napping" in page.evaluate(texts), "the small model's vocabulary is small"
    page.fill("#compare textarea", "one\ntwo")
    page.reload()
    page.wait(DONE)
    assert page.evaluate(texts) == "one\ntwo", "what was written goes before any example"
    other = browser.open(server.url + "/", before=MULTILINGUAL)
    other.wait(DONE)
    assert "Katze" in other.evaluate(texts)
    other.evaluate("localStorage.clear()")


def test_errors_name_texts_as_readers_count_them(page):
    page.click("#tab-passage")
    page.fill("#passage [name=query]", "  ")
    page.click("#passage .go")
    page.wait(f"{ERROR} === 'Enter a query.'")
    page.fill("#passage [name=query]", "a")
    page.fill("#passage textarea", "A b. " * 2049)
    page.click("#passage .go")
    page.wait(f"{ERROR}.startsWith('The text has more than 2048 chunks')")
    said = """(message, first) => import('/api.js').then(({ Api }) => {
        window.fetch = (path, { body }) => Promise.resolve(JSON.parse(body).input[0] === first
          ? new Response(JSON.stringify({ error: { message } }), { status: 422 })
          : new Response(JSON.stringify({ data: [], usage: { total_tokens: 1 } })));
        return new Api(() => '').embed({ input: ['a', 'b', 'c', 'd'] }, { mostInputs: 2,
          nameOf: (i) => `text ${i + 1}`, progress: () => {} }).catch((error) => error.message);
      })"""
    for message, first, words in [
            ("input[1] has 9 tokens; input[0] has 3", "a", "Text 2 has 9 tokens; text 1 has 3"),
            ("input[0].task: unknown", "c", "Text 3, task: unknown"),
            ("input is empty", "a", "input is empty"),
            ("chunking.by: in input[1]", "c", "chunking.by: in text 4")]:
        assert page.evaluate(f"({said})({json.dumps(message)}, {json.dumps(first)})") == words


def test_reload_keeps_what_was_entered(page):
    assert page.text("#theme") == "Dark mode"
    page.click("#theme")
    page.fill("#compare textarea", "eins\nzwei\ndrei")
    page.evaluate("""(() => { for (const [selector, value] of [['#language', 'javascript'],
        ['#compare [name=task]', 'text-matching'], ['#compare [name=dimensions]', '0']]) {
          const e = document.querySelector(selector);
          e.value = value;
          e.dispatchEvent(new Event('input', { bubbles: true }));
          e.dispatchEvent(new Event('change', { bubbles: true }));
        } })()""")
    page.click("#compare [value=block]")
    size = page.text("#compare .slider output")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.wait("document.querySelector('#model').textContent.includes('dimensions')")
    assert page.evaluate("document.querySelector('#compare textarea').value") == "eins\nzwei\ndrei"
    assert page.evaluate("document.querySelector('#compare [name=task]').value") == "text-matching"
    assert page.evaluate("document.querySelector('#compare form').split.value") == "block"
    assert page.text("#compare .slider output") == size
    assert page.evaluate("document.querySelector('#language').value") == "javascript"


@pytest.mark.parametrize("script", [
    "Object.defineProperty(window, 'sessionStorage', { get() { throw new Error('blocked'); } });"
    "Object.defineProperty(window, 'localStorage', { get() { throw new Error('blocked'); } });",
    "sessionStorage.setItem('nestvec-form-compare', 'null');"
    "localStorage.setItem('nestvec-language', 'toString');"
    "localStorage.setItem('nestvec-theme', 'constructor');"])
def test_page_works_with_any_storage(browser, server, script):
    page = browser.open(server.url + "/", before=script)
    page.wait(DONE)
    assert page.text("#code code").startswith("curl ")
    assert page.complaints() == []
    page.evaluate("try { localStorage.clear(); } catch {}")


def test_phones_are_brought_to_the_results(browser, server):
    page = browser.open(server.url + "/", width=375, height=700)
    page.wait(DONE)
    assert page.evaluate("scrollY") == 0, "nobody asked yet"
    page.click("#compare .go")
    page.wait("document.querySelector('#compare .results').getBoundingClientRect().top < 100")


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_placeholders_are_not_cut_on_a_phone(browser, server, path):
    page = browser.open(server.url + path, width=375, height=700)
    page.wait("document.querySelectorAll('article, .heat td').length > 0")
    room = page.evaluate("""[...document.querySelectorAll('[placeholder]')].map((e) => {
        const style = getComputedStyle(e);
        const context = document.createElement('canvas').getContext('2d');
        context.font = style.font;
        return e.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) -
          context.measureText(e.placeholder).width; })""")
    assert min(room) >= 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


# Of axe-core's rules the two that were broken once: links have names, and a name contains the
# words that are seen.
NAMES = """[...document.querySelectorAll('a, button, td, th, input, select, [role=gridcell]')]
  .filter((e) => {
    const name = e.getAttribute('aria-label');
    const seen = e.innerText?.trim() ?? '';
    if (name !== null) return !name.includes(seen);
    return e.matches('a, button') && !e.textContent.trim();
  }).map((e) => e.outerHTML)"""


def test_names_are_what_is_seen(browser, page, server):
    page.wait(DONE)
    assert page.evaluate(NAMES) == []
    docs = browser.open(server.url + "/docs")
    docs.wait("document.querySelectorAll('article').length > 0")
    assert docs.evaluate(NAMES) == []


def test_docs_show_every_route_and_nothing_comes_from_elsewhere(browser, server):
    page = browser.open(server.url + "/docs")
    page.wait("document.querySelectorAll('article').length > 0")
    assert page.evaluate("document.documentElement.scrollHeight") < 6000, "routes are folded"
    with urllib.request.urlopen(server.url + "/openapi.json") as answer:
        description = json.load(answer)
    routes = [f"{method.upper()}{path}" for path, item in description["paths"].items()
              for method in item]
    assert sorted(set(routes) - set(page.texts("article h3"))) == []
    broken = page.evaluate("[...document.querySelectorAll('a[href^=\"#\"]')].map((a) => a.hash)"
                           ".filter((hash) => !document.getElementById(hash.slice(1)))")
    assert broken == []
    assert page.complaints() == []
    assert all(url.startswith((server.url, "data:")) for url in page.requests())


@pytest.fixture
def docs(browser, server):
    page = browser.open(server.url + "/docs#post-v1-embeddings")
    page.wait("document.querySelectorAll('.trial textarea').length > 0")
    yield page
    page.evaluate("localStorage.clear()")


def trial(part, route="post-v1-embeddings"):
    return f"#{route} .trial {part}"


def wait_for_answer(page, status, route="post-v1-embeddings"):
    page.wait(f"document.querySelector('{trial('.go + [role=status]', route)}').textContent"
              f".startsWith('{status} ')")
    return page.text(trial("[aria-label=Response]", route))


def test_docs_send_the_example_and_what_becomes_of_it(docs, server):
    docs.click(trial(".go"))
    answer = wait_for_answer(docs, 200)
    assert '"object": "list"' in answer and " more]" in answer
    assert len(answer) < 2000, "vectors are cut"
    said = docs.text(trial(".go + [role=status]"))
    assert " ms, " in said and said.endswith(" bytes.")
    docs.fill(trial("textarea"), '{"model": "m", "input": []}')
    docs.click(trial(".go"))
    with pytest.raises(urllib.error.HTTPError) as refused:
        embed(server, model="m", input=[])
    assert json.loads(wait_for_answer(docs, 400)) == json.load(refused.value)
    docs.fill(trial("textarea"), '{"model": ')
    assert docs.text(trial(".error")).startswith("The body is not JSON: ")
    docs.click(trial(".go"))
    docs.wait(f"document.querySelector('{trial('.go + [role=status]')}').textContent"
              ".startsWith('No answer: ')")
    docs.fill(trial("textarea"), '{"model": "m", "input": "a"}')
    assert docs.text(trial(".error")) == ""
    assert docs.complaints() == ["Failed to load resource: the server responded with a status of "
                                 "400 (Bad Request)"]


def test_docs_give_code_that_runs(docs, server):
    docs.fill(trial("textarea"), json.dumps({"model": "it's", "input": ["$HOME", "b"], "user": None}))
    docs.evaluate(f"""(() => {{ const e = document.querySelector('{trial('.inputs select')}');
        e.value = 'bulk'; e.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()""")

    def code(language):
        docs.evaluate(f"""(() => {{ const e = document.querySelector('{trial('.bar select')}');
            e.value = '{language}'; e.dispatchEvent(new Event('change')); }})()""")
        return docs.text(trial("pre code"))

    curl = code("curl")
    assert "x-nestvec-priority: bulk" in curl
    ran = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, check=True).stdout
    assert len(json.loads(ran)["data"]) == 2
    assert len(json.loads(run_javascript(docs, code("javascript")).removeprefix("200 "))["data"]) == 2
    calls = []
    class Requests:
        def __getattr__(self, method):
            def call(url, **arguments):
                calls.append((method, url, arguments))
                return type("Answer", (), {"status_code": 200, "text": ""})
            return call
    exec(code("python").replace("import requests\n", ""), {"requests": Requests()})
    assert calls == [("post", server.url + "/v1/embeddings",
                      {"json": {"model": "it's", "input": ["$HOME", "b"], "user": None},
                       "headers": {"x-nestvec-priority": "bulk"}})]
    docs.reload()
    docs.wait(f"document.querySelector('{trial('pre code')}')?.textContent.startsWith('import')")


# Routes that an embedding model refuses, and a server without server.admin.
REFUSED = {"post-embed-sparse": 424, "post-rerank": 424, "post-predict": 424, "post-v1-rerank": 400,
           "post-v2-rerank": 400, "post-score": 400, "post-v1-score": 400, "post-v1-multi-vector": 400,
           "post-classify": 400, "post-v1-classify": 400, "post-admin-models": 403}


def test_docs_send_every_example(docs, server):
    """Each route with the example that its form begins with."""
    for article in docs.evaluate("[...document.querySelectorAll('article.route')].map((e) => e.id)"):
        docs.evaluate(f"location.hash = '#{article}'")
        docs.wait(f"document.querySelector('{trial('.go', article)}') !== null")
        docs.click(trial(".go", article))
        status = f"document.querySelector('{trial('.go + [role=status]', article)}').textContent"
        docs.wait(f"/^\\d/.test({status})")
        number = int(docs.evaluate(status).split()[0])
        wanted = REFUSED.get(article, 204 if "well-known" in article else 200)
        assert number == wanted, (article, docs.evaluate(status))


def test_docs_filter_and_unfold(docs):
    shown = ("[...document.querySelectorAll('article.route')].filter((e) => e.checkVisibility())"
             ".map((e) => e.id)")
    assert docs.evaluate("document.querySelector('#post-v1-embeddings details').open")
    docs.fill(".filter input", "ollama EMBED")
    assert docs.evaluate(shown) == ["post-api-embed", "post-api-embeddings"]
    assert docs.text(".filter [role=status]").startswith("2 of ")
    docs.evaluate("location.hash = '#get-health'")
    docs.wait("document.querySelector('#get-health details').open && "
              "document.querySelector('#get-health').checkVisibility()")
    docs.evaluate("location.hash = '#schema-task'")
    docs.wait("document.querySelector('#schema-task').checkVisibility()")
    docs.fill(".filter input", "zzz")
    assert docs.evaluate(shown) == []
    assert docs.text(".filter [role=status]").startswith("0 of ")


def test_docs_send_the_key(browser, keyed_server):
    page = browser.open(keyed_server.url + "/docs#get-v1-models")
    page.wait("document.querySelectorAll('.trial .go').length > 0")
    page.click(trial(".go", "get-v1-models"))
    wait_for_answer(page, 401, "get-v1-models")
    assert "Enter the API key" in page.text(trial(".go + [role=status]", "get-v1-models"))
    page.fill("#key", "open-sesame")
    page.press("Enter")
    page.click(trial(".go", "get-v1-models"))
    assert '"object": "list"' in wait_for_answer(page, 200, "get-v1-models")
    assert "open-sesame" not in page.text("main") and "$NESTVEC_API_KEY" in page.text("main")


def test_unchanged_files_are_not_sent_again(server):
    for path in ("/", "/app.js", "/theme.js", "/style.css", "/favicon.svg", "/docs", "/openapi.json"):
        with urllib.request.urlopen(server.url + path) as answer:
            tag = answer.headers["ETag"]
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        request = urllib.request.Request(server.url + path, headers={"If-None-Match": tag})
        with pytest.raises(urllib.error.HTTPError) as unchanged:
            urllib.request.urlopen(request)
        assert unchanged.value.code == 304


def ask_of(path, **members):
    request = urllib.request.Request(path, json.dumps(members).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_both_rankings_side_by_side(browser, tmp_path):
    with Served(tmp_path, "--model", MODELS / "xlmr-reranker-tiny") as both:
        page = browser.open(both.url + "/#view=rerank")
        documents = ["A cat sleeps.", "Rates rose.", "Bread is baked of flour and of " + "water and of " * 3 + "salt.",
                     "Bread is baked of flour and of " + "water and of " * 4 + "yeast."]
        page.wait(f"{STATUS}.includes('scores')")
        page.fill("#rerank textarea", "\n".join(documents))
        page.fill("#rerank [name=query]", "Where is the cat?")
        page.press("Enter", control=True)
        page.wait(f"{STATUS}.includes('4 scores')")
        answer = ask_of(both.url + "/v1/rerank", model="xlmr-reranker-tiny", query="Where is the cat?",
                        documents=documents)
        assert page.texts(".by-scores .ranking b") == [f"{result['relevance_score']:.3f}"
                                                       for result in answer["results"]]
        by_vectors = page.texts(".by-vectors .ranking li > span")
        assert sorted(by_vectors) == sorted(documents)
        ranked = [documents[result["index"]] for result in answer["results"]]
        assert page.texts(".by-scores .ranking li > span") == [
            f"{text} place {by_vectors.index(text) + 1} by vectors" for text in ranked]
        assert page.texts("[role=tab]:not([hidden])") == ["Compare", "Search", "Rerank", "Long text"]
        code = run_code(page, "curl")
        assert json.loads(code.splitlines()[0].split("}{")[0] + ("}" if "}{" in code else ""))["results"] == (
            answer["results"])
        run_code(page, "python")
        assert page.complaints() == []
        page.evaluate("localStorage.clear()")
        for width, beside, dark in ((1280, True, False), (820, True, True), (400, False, False), (400, False, True)):
            page.view(width, dark=dark)
            assert page.evaluate(PLACES) == {"beside": beside, "fits": True, "notes": 1}, width
            assert page.evaluate(CONTRAST) == []
            take_picture(page, f"rerank-{'dark' if dark else 'light'}-{width}")


# Whether the rankings stand beside each other, whether nothing is wider than the page, and the most lines of a note.
PLACES = """(() => {
  const box = (place) => document.querySelector(place).getBoundingClientRect();
  const [left, right] = [box('.by-scores'), box('.by-vectors')];
  return { beside: left.top === right.top && left.right < right.left,
    fits: document.documentElement.scrollWidth <= innerWidth,
    notes: Math.max(...[...document.querySelectorAll('.by-scores .ranking .muted')].map((e) => e.getClientRects().length)) };
})()"""


def test_the_page_of_a_reranker(browser, tmp_path):
    with Served(tmp_path, model=MODELS / "xlmr-reranker-tiny") as served:
        page = browser.open(served.url + "/")
        page.wait(f"{STATUS}.includes('6 scores')")
        assert page.texts("[role=tab]:not([hidden])") == ["Rerank"], "what the model can do"
        assert "reranker" in page.text("#model")
        assert page.evaluate("document.querySelector('.by-vectors').hidden")
        assert page.complaints() == []


def test_an_embedding_model_shows_no_reranking(page):
    assert page.texts("[role=tab]:not([hidden])") == ["Compare", "Search", "Long text"]
