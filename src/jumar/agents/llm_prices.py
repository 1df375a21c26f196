"""What requests to models cost, by the table of prices that comes with the extra `llm`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the table takes a moment to load, and only who asks models has it
    from genai_prices.types import AbstractUsage


def price(provider: str, model: str, usage: AbstractUsage) -> float | None:
    """US dollars; None where nobody knows."""
    try:
        from genai_prices import calc_price

        return float(calc_price(usage, model, provider_id=provider).total_price)
    except (ImportError, LookupError, ValueError):
        return None


def price_of(provider: str, model: str, *, read: int, cached: int = 0, written: int) -> float | None:
    """US dollars for so many tokens, those from a cache among those read; None where nobody knows."""
    try:
        from genai_prices import Usage
    except ImportError:
        return None
    return price(
        provider,
        model,
        Usage(input_tokens=read, cache_read_tokens=min(cached, read), output_tokens=written),
    )


def highest_price(provider: str, model: str, *, read: int, written: int) -> float | None:
    """The most that a request can cost: nothing of it comes from a cache, and all of it goes into one."""
    try:
        from genai_prices import Usage
    except ImportError:
        return None
    ways = (
        Usage(input_tokens=read, output_tokens=written),
        Usage(input_tokens=read, cache_write_tokens=read, output_tokens=written),
    )
    prices = [found for way in ways if (found := price(provider, model, way)) is not None]
    return max(prices, default=None)
