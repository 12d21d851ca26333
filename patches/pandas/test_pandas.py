import io

import numpy as np
import pandas as pd
import pytest
from pandas._libs import groupby, hashtable, join, lib, pandas_parser, parsers
from pandas._libs.tslibs import timestamps
from pandas._libs.window import aggregations

TABLE = "city,when,value\nOslo,2026-01-01 12:00,1.5\nRome,2026-01-02 00:00,2\nOslo,,4.25\n"


def test_the_modules_are_compiled():
    modules = (groupby, hashtable, join, lib, parsers, pandas_parser, timestamps, aggregations)
    assert all(module.__file__.endswith(".so") for module in modules)


def test_a_table_of_text():
    table = pd.read_csv(io.StringIO(TABLE), parse_dates=["when"])
    assert table.value.sum() == 7.75
    assert table.when.dtype.kind == "M"
    assert table.when.isna().tolist() == [False, False, True]
    again = pd.read_json(io.StringIO(table.to_json(orient="split")), orient="split")
    assert again.value.tolist() == [1.5, 2, 4.25]


def test_groups_and_joins():
    table = pd.read_csv(io.StringIO(TABLE))
    assert table.groupby("city").value.agg(["sum", "count"]).loc["Oslo"].tolist() == [5.75, 2]
    other = pd.DataFrame({"city": ["Rome", "Oslo"], "country": ["Italy", "Norway"]})
    assert table.merge(other, on="city").country.tolist() == ["Norway", "Italy", "Norway"]


def test_windows_and_time():
    index = pd.date_range("2026-03-29", periods=4, freq="h", tz="Europe/Oslo")
    # The clocks go forward.
    assert [stamp.hour for stamp in index] == [0, 1, 3, 4]
    series = pd.Series([1.0, 2, 4, 8], index=index)
    assert series.rolling(2).mean().tolist()[1:] == [1.5, 3, 6]
    assert series.resample("2h").sum().sum() == 15
    assert str(pd.Period("2026-03", freq="M") + 11) == "2027-02"


def test_many_rows():
    keys = np.arange(200_000) % 997
    frame = pd.DataFrame({"key": keys, "value": np.ones(200_000)})
    sums = frame.groupby("key").value.sum()
    assert (len(sums), sums.iloc[0], sums.sum()) == (997, 201, 200_000)
    assert frame.sort_values("key", kind="stable").key.is_monotonic_increasing


def test_errors():
    with pytest.raises(pd.errors.ParserError):
        pd.read_csv(io.StringIO("a,b\n1,2\n1,2,3\n"))
    with pytest.raises(pd.errors.OutOfBoundsDatetime):
        pd.Timestamp("2500-01-01").as_unit("ns")
