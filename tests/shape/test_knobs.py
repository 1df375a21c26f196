"""A knob must do something: every field of the contract is read somewhere outside the contract."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import jumar
from jumar.core import contract

PACKAGE = Path(jumar.__file__).parent
TERMS = [contract.TargetTerms, contract.RunTerms, contract.MeasureTerms, contract.LimitTerms]


def attributes_read() -> set[str]:
    readers = [path for path in PACKAGE.rglob("*.py") if not path.name.startswith("contract")]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in readers]
    return {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("terms", TERMS, ids=lambda terms: terms.__name__)
def test_every_key_of_the_contract_is_read(terms: type) -> None:
    assert set(terms.__annotations__) <= attributes_read()
