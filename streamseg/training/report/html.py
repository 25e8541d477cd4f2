"""Bricks of a page that needs no script and no other file, for wide and narrow windows, light or dark."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape
from typing import Any

import cv2

from streamseg.types import U8, ClassInfo

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.55 system-ui,sans-serif;max-width:72rem;margin:0 auto;padding:1rem 1rem 4rem;
overflow-wrap:anywhere}
h1{margin:.5rem 0}
h2{margin:2.5rem 0 .5rem;padding-top:1rem;border-top:1px solid #8886}h3{margin:1.5rem 0 .3rem}
p,dd,li{max-width:46rem}small,figcaption{opacity:.75;font-size:.875rem}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.2rem 1.2rem}dt{opacity:.75}dd{margin:0}
.wide{overflow-x:auto;background:linear-gradient(90deg,Canvas 30%,transparent) 0 0/2rem 100%,
linear-gradient(270deg,Canvas 30%,transparent) 100% 0/2rem 100%,
linear-gradient(90deg,#8886,transparent) 0 0/.6rem 100%,
linear-gradient(270deg,#8886,transparent) 100% 0/.6rem 100%;background-repeat:no-repeat;
background-attachment:local,local,scroll,scroll}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.25rem .7rem;text-align:right;font-weight:inherit;white-space:nowrap}
tr+tr>*{border-top:1px solid #8884}tr>:first-child{text-align:left}
tr:first-child>*{opacity:.75;vertical-align:bottom}i{display:inline-block;width:.8em;height:.8em;border-radius:.2em}
@media(max-width:34rem){dl{display:block}dd{margin-bottom:.5rem}td,th{padding:.25rem .4rem}
.plain tr:first-child>*,th{white-space:normal;overflow-wrap:normal}
.plain th:first-child{min-width:6rem;overflow-wrap:anywhere}}
.matrix td{padding:.25rem;min-width:2.2rem;text-align:center}.matrix tr:first-child>:not(:first-child){
writing-mode:vertical-rl;transform:rotate(180deg);text-align:left;padding:.4rem}
.key span{display:inline-block;max-width:100%;margin-right:1.1rem}pre{overflow-x:auto;font-size:.8rem}
figure{margin:1.2rem 0}img{display:block;max-width:100%;height:auto;border-radius:.25rem}
.charts,.panels{display:grid;gap:.4rem;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr))}
.panels{grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr))}.charts img{width:100%;max-width:34rem}
.strip figure{margin:.6rem 0;width:max-content}.strip img{max-width:none;height:8.5rem}
.strip figcaption{position:sticky;left:0;width:max-content;max-width:90vw}
@media(prefers-color-scheme:dark){.charts img{filter:invert(.92) hue-rotate(180deg)}}
"""


def document(title: str, parts: Iterable[str]) -> str:
    """A whole page of `parts`, which are HTML."""
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
    return (
        f'<!doctype html><html lang="en">{head}<title>{escape(title)}</title><style>{_STYLE}</style>\n'
        + "\n".join(parts)
        + "\n</html>\n"
    )


def block(kind: str, parts: Iterable[str]) -> str:
    """Some HTML in a box of the style's class `kind`."""
    return f'<div class="{kind}">{"".join(parts)}</div>'


def table(head: Iterable[str], rows: Iterable[Iterable[str]], kind: str = "plain") -> str:
    """A table that scrolls within itself where the window is narrow; its cells are made by `cell`."""
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in (head, *rows))
    return block("wide", [f'<table class="{kind}">{body}</table>'])


def cell(text: str, style: str = "") -> str:
    """A cell with `text` as it is, and some CSS."""
    return f'<td style="{style}">{escape(text)}</td>' if style else f"<td>{escape(text)}</td>"


def class_cell(info: ClassInfo) -> str:
    """The head of a row: a class in its colour."""
    return f"<th>{class_name(info)}</th>"


def class_name(info: ClassInfo) -> str:
    """A class's name behind a square of its colour."""
    red, green, blue = info.color
    return f'<i style="background:rgb({red} {green} {blue})"></i> {escape(info.name)}'


def legend(classes: Iterable[ClassInfo]) -> str:
    """What the colours mean."""
    return block("key", (f"<span>{class_name(info)}</span>" for info in classes))


def figure(images: Iterable[str], caption: str, kind: str = "panels") -> str:
    """Images made by `image`, side by side where there is room, and what they show."""
    return f"<figure>{block(kind, images)}<figcaption>{escape(caption)}</figcaption></figure>"


def image(data: bytes, alt: str) -> str:
    """A PNG or JPEG inside the page."""
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    source = base64.b64encode(data).decode()
    return f'<img alt="{escape(alt)}" src="data:image/{kind};base64,{source}">'


def coded(rgb: U8) -> bytes:
    """A picture or a mask in colour `[H, W, 3]` for the page: as JPEG or PNG, whichever is smaller."""
    jpeg = _encoded(rgb, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, 82])
    png = _encoded(rgb, ".png", [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return min(jpeg, png, key=len)


def shrunk(rgb: U8, width: int) -> U8:
    """A picture `[H, W, 3]` of `width` pixels at most."""
    height = round(rgb.shape[0] * width / rgb.shape[1])
    small: U8 = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    return small if width < rgb.shape[1] else rgb


def _encoded(rgb: U8, suffix: str, options: list[int]) -> bytes:
    coded: Any = cv2.imencode(suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)[1]
    data: bytes = coded.tobytes()
    return data
