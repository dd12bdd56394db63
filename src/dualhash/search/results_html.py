"""Results as HTML for notebooks: thumbnails with frames that show the verdict, and bars."""

from base64 import b64encode
from html import escape
from io import BytesIO
from urllib.parse import urlsplit

from dualhash.catalogue.images import ImageError, ImageLike, decode
from dualhash.search.result_verdict import Verdict, explain_verdicts, verdict
from dualhash.search.results import Hit, Query, Results

SHOWN = 100
"""Hits with a picture; the others are counted."""

SIDE = 256
"""Largest width and height of a thumbnail in pixels; it is shown at half of that."""

SIGNS: dict[Verdict, str] = {"right": "✓", "half": "½", "wrong": "✕", "unknown": "?"}

STYLE = """<style>
.dualhash { font: 13px/1.4 system-ui, sans-serif; max-width: 1100px }
.dualhash header { margin: 4px 0 12px } .dualhash header b { font-size: 16px }
.dualhash .all { display: flex; gap: 14px }
.dualhash .hits { display: flex; flex-wrap: wrap; gap: 16px 12px; align-items: flex-start }
.dualhash .query { border-right: 1px solid #8885; padding-right: 14px }
.dualhash .card { width: 134px; flex: none }
.dualhash .picture { position: relative; box-sizing: border-box; width: 134px; height: 134px;
  display: flex; align-items: center; justify-content: center; border: 3px solid transparent;
  background: #8881; margin-bottom: 4px }
.dualhash img { max-width: 128px; max-height: 128px; margin: 0 }
.dualhash i { position: absolute; top: -9px; right: -9px; width: 18px; height: 18px;
  border-radius: 9px; color: #fff; font: bold 12px/18px system-ui, sans-serif; text-align: center }
.dualhash .right { border: 3px solid #16875d } .dualhash .right i { background: #16875d }
.dualhash .half { border: 3px double #a86400 } .dualhash .half i { background: #a86400 }
.dualhash .wrong { border: 3px dashed #c8372d } .dualhash .wrong i { background: #c8372d }
.dualhash .unknown { border: 3px dotted #6b7785 } .dualhash .unknown i { background: #6b7785 }
.dualhash .line { display: flex; justify-content: space-between; gap: 6px; align-items: flex-end }
.dualhash .line span { overflow-wrap: anywhere } .dualhash .line span + span { flex: none }
.dualhash .pale { opacity: .65 }
.dualhash .bar { height: 5px; border-radius: 3px; background: #8883; margin: 1px 0 4px }
.dualhash .bar div { height: 5px; border-radius: 3px; background: #2f6fb7 }
.dualhash footer { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 24px;
  margin-top: 16px }
.dualhash footer .picture { width: 34px; height: 20px; display: inline-block; margin: 0 14px 0 0;
  vertical-align: middle }
</style>"""


def results_html(results: Results) -> str:
    """Returns HTML without scripts; images are in it as data URIs, and all text is escaped."""
    hits = results.hits[:SHOWN]
    query = _query(results, results.query) if results.query else ""
    cards = "".join(_hit(results, hit) for hit in hits)
    subtitle = f"{results.task} search · {results.found}"
    present = {verdict(results, hit) for hit in hits}
    legend = [
        f'<span>{_frame(each)}<span class="pale">{escape(meaning)}</span></span>'
        for each, meaning in explain_verdicts(results).items()
        if each in present
    ]
    if results.reading_names and hits:
        legend.append('<span class="pale">bars: predicted probability</span>')
    if more := len(results.hits) - len(hits):
        legend.append(f'<span class="pale">and {more:,} more</span>')
    return (
        f'{STYLE}<div class="dualhash"><header><b>{escape(results.words)}</b><br>'
        f'<span class="pale">{escape(subtitle)}</span></header>'
        f'<div class="all">{query}<div class="hits">{cards}</div></div>'
        f"<footer>{''.join(legend)}</footer></div>"
    )


def _query(results: Results, query: Query) -> str:
    prediction = query.prediction
    category = query.labels.category
    if category is None and prediction.category is not None:
        category = f"{prediction.category}, predicted at {prediction.probability:.0%}"
    name = "query" if query.id is None else f"query, id {query.id}"
    return (
        f'<div class="query"><div class="card"><div class="picture">{_picture(query.image)}</div>'
        f"{_line(name)}{_category(category)}"
        f"{_bars(results.confidences(prediction.attributes))}</div></div>"
    )


def _hit(results: Results, hit: Hit) -> str:
    payload = "\n".join(f"{name}: {value}" for name, value in hit.payload.items())
    distance = "" if hit.distance is None else f"{hit.distance} / {results.bits} bits"
    title = escape(f"id {hit.id}\n{hit.image}\n{payload}".strip())
    return (
        f'<div class="card" title="{title}">{_frame(verdict(results, hit), _picture(hit.image))}'
        f"{_line(f'{hit.rank}', distance)}{_category(hit.labels.category)}"
        f"{_bars(results.readings(hit))}</div>"
    )


def _frame(shown: Verdict, content: str = "") -> str:
    return f'<div class="picture {shown}">{content}<i>{SIGNS[shown]}</i></div>'


def _picture(image: ImageLike | None) -> str:
    """Returns an image as a small JPEG; the browser is not asked to fetch those of a server."""
    if isinstance(image, str) and urlsplit(image).scheme in ("http", "https"):
        return f'<a href="{escape(image)}">on the server</a>'
    try:
        thumbnail = None if image is None else decode(image)
    except ImageError:
        thumbnail = None
    if thumbnail is None:
        return '<span class="pale">no image file</span>'
    thumbnail.thumbnail((SIDE, SIDE))
    file = BytesIO()
    thumbnail.save(file, "JPEG", quality=80)
    return f'<img src="data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}" alt="">'


def _category(category: str | None) -> str:
    if category is None:
        return '<div class="line pale"><span>no category label</span></div>'
    return _line(category)


def _bars(confidences: dict[str, float]) -> str:
    return "".join(
        f"{_line(name, f'{confidence:.0%}')}"
        f'<div class="bar"><div style="width: {confidence:.0%}"></div></div>'
        for name, confidence in confidences.items()
    )


def _line(left: str, right: str = "") -> str:
    return (
        f'<div class="line"><span>{escape(left).replace("=", "=<wbr>")}</span>'
        f'<span class="pale">{escape(right)}</span></div>'
    )
