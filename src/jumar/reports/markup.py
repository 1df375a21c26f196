"""HTML that cannot forget to escape: a string becomes text, only what was built here is markup."""

from __future__ import annotations

import html

from jumar.rules.plain import plain


class Markup(str):
    """HTML that is safe to put into a page as it stands. Made by `tag`, `join` and `preformatted`."""

    __slots__ = ()


Child = Markup | str | int | None


def tag(name: str, *children: Child, **attributes: str | bool | None) -> Markup:
    """An element. Strings are escaped and made plain; `class_` stands for `class`, `_` for `-`.

    An attribute that is None or False is left out; one that is True stands without a value.
    """
    opened = name + "".join(_attribute(key, value) for key, value in attributes.items())
    return Markup(f"<{opened}>{join(*children)}</{name}>")


def join(*children: Child) -> Markup:
    """The children one after the other, escaped where they are not markup yet."""
    return Markup("".join(_child(child) for child in children if child is not None))


def preformatted(text: str) -> Markup:
    """Text of several lines, escaped and made plain, its line ends kept."""
    return Markup(html.escape(plain(text, lines=True), quote=False))


def _child(child: Markup | str | int) -> str:
    return child if isinstance(child, Markup) else preformatted(str(child))


def _attribute(key: str, value: str | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(plain(value))}"'
