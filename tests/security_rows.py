#!/usr/bin/env python3
"""Holds the threat table of docs/security.md against the tests.

Prints every row with the tests that are named after it. Fails where a row has no test, where a row is missing from the
table, and where the table names a test that does not exist.

A test is named after a row by its name: TEST(Suite, E12_DoesThis), TEST(Suite, J23_J24_DoesThat); among the end-to-end
tests by its title, or that of the block around it: test('E12 does this'), describe('a body (E1, E16)').
"""
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "security.md"
EXPECTED = [f"E{n}" for n in range(1, 19)] + [f"J{n}" for n in range(20, 45)]

CPP_TEST = re.compile(r"\b(?:TEST|TEST_F|TEST_P|TYPED_TEST|RC_GTEST_PROP)\(\s*(\w+)\s*,\s*(\w+)")
CPP_ROWS = re.compile(r"(?:[A-Z]\d+_)+")
JS_TEST = re.compile(r"\b(?:test|it|describe)\(\s*(['\"`])((?:\\.|(?!\1).)*)\1")
ROW = re.compile(r"\b[EJ]\d{1,2}\b")


def cpp_tests():
    """(name, rows) of each GoogleTest."""
    for folder in ("src", "tests"):
        for path in sorted((ROOT / folder).rglob("*_test.cc")):
            for suite, name in CPP_TEST.findall(path.read_text()):
                prefix = CPP_ROWS.match(name)
                yield f"{suite}.{name}", prefix.group().rstrip("_").split("_") if prefix else []


def js_tests():
    """(file: title, rows) of each end-to-end test or block of them."""
    for path in sorted((ROOT / "tests" / "e2e").glob("*.test.js")):
        for _, title in JS_TEST.findall(path.read_text()):
            title = re.sub(r"\\(.)", r"\1", title)
            yield f"{path.name}: {title}", ROW.findall(title)


def table_rows():
    """row -> (threat, the tests that the table names)."""
    rows = collections.OrderedDict()
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and ROW.fullmatch(cells[0]):
            if cells[0] in rows:
                sys.exit(f"{TABLE.name}: row {cells[0]} is there twice")
            rows[cells[0]] = (cells[1], re.findall(r"`([^`]+)`", cells[3]))
    return rows


def main():
    tests = list(cpp_tests()) + list(js_tests())
    names = {name for name, _ in tests}
    of_row = collections.defaultdict(list)
    for name, rows in tests:
        for row in rows:
            of_row[row].append(name)

    table = table_rows()
    faults = [f"row {row} is not in the table" for row in EXPECTED if row not in table]
    for row, (threat, named) in table.items():
        print(f"{row}  {threat}")
        for name in of_row[row]:
            print(f"      {name}")
        if not of_row[row]:
            faults.append(f"row {row} has no test")
        if not named:
            faults.append(f"row {row} names no test in the table")
        faults += [f"row {row} names a test that does not exist: {name}" for name in named if name not in names]
        faults += [f"row {row} names a test of another row: {name}"
                   for name in named if name in names and name not in of_row[row]]

    for fault in faults:
        print(f"FAULT {fault}", file=sys.stderr)
    print(f"{len(table)} rows, {sum(len(of_row[row]) for row in table)} tests")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
