"""Reads a workbook with openpyxl and prints sheets with header and row count.

usage: read_xlsx.py FILE
"""
import json
import sys

import openpyxl

book = openpyxl.load_workbook(sys.argv[1])
sheets = {s.title: [[c.value for c in row] for row in s.iter_rows()] for s in book}
print(json.dumps({name: {"head": rows[0], "rows": rows[1:]} for name, rows in sheets.items()}))
