"""A page of a browser, and all that went wrong on it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Response

WAIT_MS = 60_000
"""A busy machine is no failure."""

FAULTS_OF_OHIF = ("The stack viewport has been destroyed and is no longer usable.",)
"""OHIF 3.13.2 says so when a SEG replaces the viewport that it was opened in; the SEG is shown all the same."""

TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error("refused:", event.violatedDirective, event.blockedURI));
"""

COUNT_PIXELS = """
() => [...document.querySelectorAll("canvas")].filter((one) => one.width > 200 && one.height > 200).map((canvas) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  const context = copy.getContext("2d", {willReadFrequently: true});
  context.drawImage(canvas, 0, 0);
  const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
  let lit = 0;
  const counts = {};
  for (let i = 0; i < data.length; i += 4) {
    const [red, green, blue] = [data[i], data[i + 1], data[i + 2]];
    if (red + green + blue > 0) lit += 1;
    if (Math.max(red, green, blue) - Math.min(red, green, blue) > 40) {
      const colour = `${red},${green},${blue}`;
      counts[colour] = (counts[colour] || 0) + 1;
    }
  }
  return {lit, colours: Object.keys(counts).filter((one) => counts[one] > 20).map((one) => one.split(",").map(Number))};
})
"""
"""Pixels that are not black, and the frequent colours that are not grey, of each large canvas."""


class Watched:
    """A page in which every message, request and answer is noted."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.page: Page = context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.page.set_default_navigation_timeout(WAIT_MS)
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        self.refused: list[str] = []
        # A worker tells of what it was refused in the console alone; a page in an event too, whoever keeps it silent.
        self.page.add_init_script(TELL_VIOLATIONS)
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.on("response", self._note_answer)

    def open(self, path: str) -> Page:
        """Open a path of the site."""
        self.page.goto(self.url + path)
        return self.page

    def log_in(self, email: str, password: str) -> None:
        """Log in by the form."""
        page = self.open("/accounts/login/")
        page.get_by_label("Email").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("main").get_by_role("button").click()
        page.wait_for_url(lambda url: "/accounts/login" not in url)

    def wait_for_pixels(self, *, canvases: int = 1, lit: int = 1000) -> None:
        """Wait until so many canvases show an image."""
        self.page.wait_for_function(
            f"() => ({COUNT_PIXELS})().filter((one) => one.lit > {lit}).length >= {canvases}", polling=500
        )

    def wait_for_colours(self) -> list[list[int]]:
        """Wait until something is drawn that is not grey; give its colours."""
        self.page.wait_for_function(f"() => ({COUNT_PIXELS})().some((one) => one.colours.length)", polling=500)
        return self.colours()

    def wait_for_colour(self, colour: tuple[int, int, int], *, within: int = 12) -> None:
        """Wait until a colour is drawn, or one that differs by no more in any of its parts."""
        is_near = f"(one) => one.every((part, index) => Math.abs(part - {list(colour)}[index]) <= {within})"
        self.page.wait_for_function(
            f"() => ({COUNT_PIXELS})().some((canvas) => canvas.colours.some({is_near}))", polling=500
        )

    def colours(self) -> list[list[int]]:
        """Colours that are not grey, each of more than 20 pixels."""
        return [colour for canvas in self.page.evaluate(COUNT_PIXELS) for colour in canvas["colours"]]

    def require_clean(self) -> None:
        """Fail where something was said, refused, or asked of another host."""
        assert not self.errors, self.errors
        assert not self.refused, self.refused
        assert self.hosts <= {urlsplit(self.url).netloc, ""}, self.hosts

    def _note(self, error: str) -> None:
        if not error.startswith(FAULTS_OF_OHIF):
            self.errors.append(error)

    def _note_answer(self, answer: Response) -> None:
        if answer.status >= HTTPStatus.BAD_REQUEST:
            self.refused.append(f"{answer.status} {answer.url}")
