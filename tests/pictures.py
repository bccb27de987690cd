"""What the tests of pictures in a browser share beside the page `show`."""

import re

import numpy as np

# HTML that comes after the page, as in JupyterLab: its scripts made anew.
ARRIVE = """html => {
const host = document.createElement("div");
host.innerHTML = html;
for (const old of host.querySelectorAll("script")) {
  const script = document.createElement("script");
  for (const { name, value } of old.attributes)
    script.setAttribute(name, value);
  script.textContent = old.textContent;
  old.replaceWith(script);
}
document.body.append(host);
}"""


def luminance(color: str) -> float:
    """Relative luminance of a CSS colour, 0 to 1 (WCAG 2)."""
    channels = [float(c) / 255 for c in re.findall(r"[\d.]+", color)[:3]]
    if color.startswith("color("):
        channels = [float(c) for c in re.findall(r" ([\d.]+)", color)[:3]]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in channels
    ]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(a: str, b: str) -> float:
    """Contrast of two CSS colours, 1 to 21 (WCAG 2)."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)
