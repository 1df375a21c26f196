"""A small template engine: `{{ name }}` is replaced, escaped; `{% for row in rows %} … {% end %}` repeats."""

import re


def render(source, values):
    """The text that a template becomes with these values."""
    out = ""
    while source:
        found = re.search(r"\{\{ *([\w.]+) *\}\}|\{% for (\w+) in ([\w.]+) %\}", source)
        if found is None:
            return out + source
        out = out + source[: found.start()]
        source = source[found.end() :]
        if found.group(1):
            out = out + escape(str(look_up(found.group(1), values)))
        else:
            body, source = until_end(source)
            for one in look_up(found.group(3), values):
                inner = dict(values)
                inner[found.group(2)] = one
                out = out + render(body, inner)
    return out


def until_end(source):
    """A loop's body, and what follows it."""
    depth = 0
    for found in re.finditer(r"\{% for .*? %\}|\{% end %\}", source):
        if found.group(0) == "{% end %}":
            if depth == 0:
                return source[: found.start()], source[found.end() :]
            depth = depth - 1
        else:
            depth = depth + 1
    raise ValueError("a loop without an end")


def look_up(name, values):
    """`row.name` is the value of `name` in what `row` is."""
    value = values
    for part in name.split("."):
        value = value[part]
    return value


def escape(text):
    """The text, harmless in a page."""
    out = ""
    for letter in text:
        if letter == "&":
            out = out + "&amp;"
        elif letter == "<":
            out = out + "&lt;"
        elif letter == ">":
            out = out + "&gt;"
        else:
            out = out + letter
    return out
