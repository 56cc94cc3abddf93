"""A page as one reads it who has no scripts."""

from html.parser import HTMLParser


class Reader(HTMLParser):
    """Tables, texts and attributes of a page.

    Attributes:
        tables: Cells by table, row and column, as text.
        texts: All text outside scripts and styles, in one.
        attributes: Tag, attribute and value of everything.
    """

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[str]]] = []
        self.texts = ""
        self.attributes: list[tuple[str, str, str | None]] = []
        self._silent = False
        self._inside = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        self._inside = tag in ("td", "th") or self._inside
        self._silent = tag in ("script", "style") or self._silent

    def handle_endtag(self, tag):
        self._inside = self._inside and tag not in ("td", "th")
        self._silent = self._silent and tag not in ("script", "style")

    def handle_data(self, data):
        if self._silent:
            return
        self.texts += data
        if self._inside:
            self.tables[-1][-1][-1] += data
