"""What is read back from a page."""

from html.parser import HTMLParser


class Tables(HTMLParser):
    """The cells of each table with an id, and how many elements there are of each class and tag."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.count, self._table, self._cell, self.links = {}, {}, None, None, []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        for name in (tag, *(attributes.get("class") or "").split()):
            self.count[name] = self.count.get(name, 0) + 1
        self.links += [value for name, value in attributes.items() if name in ("src", "href")]
        if tag == "table":
            self._table = self.rows.setdefault(attributes["id"], [])
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._table[-1].append("")
            self._cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._cell = None

    def handle_data(self, data):
        if self._cell:
            self._table[-1][-1] += data
