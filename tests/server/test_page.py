# SPDX-License-Identifier: Apache-2.0
"""The pages in a browser, as people use them. NESTVEC_SCREENSHOTS names a folder for pictures of them."""

import base64
import json
import math
import os
import pathlib
import subprocess
import urllib.error
import urllib.request

import numpy
import pytest

from chromium import Browser, find_chromium
from process import Served

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
    return page


def embed(server, **body):
    request = urllib.request.Request(server.url + "/v1/embeddings", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["data"]


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / math.hypot(*a) / math.hypot(*b)


def run_code(page, language):
    """What the code of the page prints, run in a shell or checked by the interpreter."""
    page.evaluate(f"""(() => {{ const e = document.querySelector('#language');
        e.value = '{language}'; e.dispatchEvent(new Event('change')); }})()""")
    code = page.text("#code code")
    if language == "python":
        compile(code, "page", "exec")
        return code
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
    page.click("#copy")
    page.wait(f"/Copied|Ctrl C/.test({STATUS})")
    page.click("#tab-search")
    assert page.evaluate("document.querySelector('#code').hidden"), "nothing was done here yet"
    page.click("#tab-compare")
    assert not page.evaluate("document.querySelector('#code').hidden")


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
    assert "Two texts" in page.text(OPEN + " .error")
    assert page.text(OPEN + " .status").strip() == ""


def test_key_is_asked_for_and_kept_in_the_tab_only(browser, keyed_server):
    page = browser.open(keyed_server.url + "/")
    page.wait("document.activeElement.id === 'key'")
    assert page.text(OPEN + " .error") != ""
    page.fill("#key", "open-sesame")
    page.press("Enter")
    page.press("Tab")
    page.wait("document.querySelector('#model').textContent.includes('dimensions')")
    page.wait(f"{ERROR} === ''")
    page.click("#compare .go")
    page.wait(DONE)
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
    page.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-search"
    assert not page.evaluate("document.querySelector('#search').hidden")


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
    page = browser.open(server.url + "/docs", width=width, dark=dark)
    page.wait("document.querySelectorAll('article').length > 0")
    take_picture(page, f"docs-{name}")
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_theme_button_turns_the_page_over(page):
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert page.text("#theme") == "Dark mode"
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    assert page.text("#theme") == "Light mode"


def test_docs_show_every_route_and_nothing_comes_from_elsewhere(browser, server):
    page = browser.open(server.url + "/docs")
    page.wait("document.querySelectorAll('article').length > 0")
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


def test_unchanged_files_are_not_sent_again(server):
    for path in ("/", "/app.js", "/style.css", "/favicon.svg", "/docs", "/openapi.json"):
        with urllib.request.urlopen(server.url + path) as answer:
            tag = answer.headers["ETag"]
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        request = urllib.request.Request(server.url + path, headers={"If-None-Match": tag})
        with pytest.raises(urllib.error.HTTPError) as unchanged:
            urllib.request.urlopen(request)
        assert unchanged.value.code == 304
