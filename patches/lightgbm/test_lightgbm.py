"""Train and predict in the sandbox: the same trees and the same predictions as LightGBM has natively.

RECORDED is what this file prints when Python runs it natively, where LightGBM of the same version is installed.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from pprint import pprint

import lightgbm as lgb
import numpy as np

_ROUNDS = 20
_SAME_EVERYWHERE = {"deterministic": True, "num_threads": 1, "force_row_wise": True, "seed": 7, "verbose": -1}


def _data() -> tuple[np.ndarray, np.ndarray]:
    """Return 400 rows: six numbers, a category, some of them missing; and what depends on them."""
    random = np.random.default_rng(11)
    features = np.round(random.random((400, 7)), 6)
    features[:, 6] = random.integers(0, 5, 400)
    values = 3 * features[:, 0] - features[:, 1] * features[:, 2] + (features[:, 6] == 2) + features[:, 3] / 5
    features[random.random((400, 7)) < 0.05] = np.nan
    return features, np.round(values, 6)


def _train(name: str) -> tuple[lgb.Booster, np.ndarray]:
    features, _ = _data()
    parameters, labels = _MODELS[name]
    data = lgb.Dataset(features, label=labels(), categorical_feature=[6], params=_SAME_EVERYWHERE)
    if name == "lambdarank":
        data.set_group([20] * 20)
    return lgb.train({**_SAME_EVERYWHERE, **parameters}, data, num_boost_round=_ROUNDS), features


def _shape(node: dict) -> list:
    """Return the features by which a tree splits, from its root."""
    if "split_feature" not in node:
        return []
    return [node["split_feature"], *_shape(node["left_child"]), *_shape(node["right_child"])]


def _facts(name: str) -> dict[str, list]:
    booster, features = _train(name)
    predictions = booster.predict(features)
    trees = booster.dump_model()["tree_info"]
    return {
        "first tree": _shape(trees[0]["tree_structure"]),
        "last tree": _shape(trees[-1]["tree_structure"]),
        "predictions": np.ravel(predictions[::100]).tolist(),
        "sum": [float(np.sum(np.abs(predictions)))],
    }


def _number() -> np.ndarray:
    return _data()[1]


def _two() -> np.ndarray:
    return (_data()[1] > 1.5).astype(float)


def _three() -> np.ndarray:
    return np.digitize(_data()[1], [1.0, 2.0]).astype(float)


_MODELS: dict[str, tuple[dict, Callable[[], np.ndarray]]] = {
    "regression": ({"objective": "regression", "num_leaves": 15}, _number),
    "quantile": ({"objective": "quantile", "alpha": 0.8, "num_leaves": 7}, _number),
    "binary": ({"objective": "binary", "bagging_fraction": 0.7, "bagging_freq": 1, "num_leaves": 7}, _two),
    "multiclass": ({"objective": "multiclass", "num_class": 3, "num_leaves": 5}, _three),
    "lambdarank": ({"objective": "lambdarank", "num_leaves": 7}, _three),
    "dart": ({"objective": "regression", "boosting": "dart", "num_leaves": 7}, _number),
    "linear trees": ({"objective": "regression", "linear_tree": True, "num_leaves": 7}, _number),
    # Rounded at random they would depend on the C++ library, whose distributions are its own: ours is another one.
    "quantized": (
        {"objective": "regression", "use_quantized_grad": True, "stochastic_rounding": False, "num_leaves": 7},
        _number,
    ),
}

RECORDED: dict[str, dict[str, list]] = {
    "binary": {
        "first tree": [0, 0, 2, 1, 2, 0],
        "last tree": [6, 3, 3, 0, 2, 1],
        "predictions": [0.08173854250110484, 0.9246852340014811, 0.8924882356703249, 0.0836072169514232],
        "sum": [199.6078828284227],
    },
    "dart": {
        "first tree": [0, 0, 0, 0, 2, 0],
        "last tree": [0, 0, 2, 5, 1, 0],
        "predictions": [0.677882243500035, 2.1824427952126118, 2.030012234708428, 0.677882243500035],
        "sum": [600.4453258471975],
    },
    "lambdarank": {
        "first tree": [0, 0, 2, 1, 2, 0],
        "last tree": [0, 0, 1, 2, 2, 1],
        "predictions": [-2.2972543010143065, 2.5006487410107234, 2.5006487410107234, -2.2972543010143065],
        "sum": [602.3180777967613],
    },
    "linear trees": {
        "first tree": [0, 0, 0, 0, 2, 0],
        "last tree": [6, 0, 2, 4, 0, 1],
        "predictions": [0.49352381579830806, 2.3474408671280655, 2.2193595720023866, 0.4850919806108494],
        "sum": [601.0659600933157],
    },
    "multiclass": {
        "first tree": [0, 0, 2, 0],
        "last tree": [6, 0, 0, 2],
        "predictions": [
            0.8694356768870922,
            0.0785336588262958,
            0.05203066428661196,
            0.043234003096318474,
            0.03832929338229746,
            0.9184367035213841,
            0.040284122222395184,
            0.03571406367045377,
            0.9240018141071511,
            0.8506967320021338,
            0.09524390307976159,
            0.05405936491810472,
        ],
        "sum": [400.0],
    },
    "quantile": {
        "first tree": [0, 0, 0, 2, 1, 0],
        "last tree": [0, 0, 2, 1, 3, 3],
        "predictions": [1.414373397950342, 2.3945044691640565, 2.5241010514771114, 1.4414012943537844],
        "sum": [792.6111341465682],
    },
    "quantized": {
        "first tree": [0, 0, 2, 0, 2, 2],
        "last tree": [6, 0, 5, 0, 2, 1],
        "predictions": [0.41111788255042775, 2.203891441581985, 2.0894765830182, 0.3569410913830335],
        "sum": [599.6990599695592],
    },
    "regression": {
        "first tree": [0, 0, 0, 0, 2, 0, 2, 1, 2, 0, 2, 1, 2, 0],
        "last tree": [6, 2, 0, 5, 2, 0, 2, 1, 5, 0, 1, 0, 1, 2],
        "predictions": [0.41533654385360735, 2.186316345972896, 2.208657717904991, 0.38827663843657545],
        "sum": [600.4453257206824],
    },
}


def _check(name: str) -> None:
    found, recorded = _facts(name), RECORDED[name]
    assert found["first tree"] == recorded["first tree"]
    assert found["last tree"] == recorded["last tree"]
    for key in ("predictions", "sum"):
        np.testing.assert_allclose(found[key], recorded[key], rtol=1e-9, atol=1e-9)


def test_the_library_is_a_side_module():
    from lightgbm.libpath import _LIB

    library = Path(_LIB._name)
    assert library.read_bytes().startswith(b"\0asm")
    assert library.parent == Path(lgb.__file__).parent / "lib"
    assert isinstance(_LIB, ctypes.CDLL)


def test_regression_is_as_native():
    _check("regression")


def test_quantile_is_as_native():
    _check("quantile")


def test_binary_with_bagging_is_as_native():
    _check("binary")


def test_multiclass_is_as_native():
    _check("multiclass")


def test_ranking_is_as_native():
    _check("lambdarank")


def test_dart_is_as_native():
    _check("dart")


def test_linear_trees_are_as_native():
    _check("linear trees")


def test_quantized_gradients_are_as_native():
    _check("quantized")


def test_a_model_is_saved_and_read(tmp_path):
    booster, features = _train("regression")
    booster.save_model(tmp_path / "model.txt")
    again = lgb.Booster(model_file=tmp_path / "model.txt")
    assert np.array_equal(again.predict(features), booster.predict(features))


def test_data_is_read_from_files(tmp_path):
    features, values = _data()
    file = tmp_path / "train.csv"
    np.savetxt(file, np.column_stack([values, features]), delimiter=",", fmt="%.6f")
    parameters = {**_SAME_EVERYWHERE, "objective": "regression", "header": False, "label_column": 0}
    for two_round in (False, True):
        data = lgb.Dataset(file, categorical_feature=[6], params={**parameters, "two_round": two_round})
        booster = lgb.train({**parameters, "num_leaves": 15}, data, num_boost_round=_ROUNDS)
        np.testing.assert_allclose(booster.predict(features), _train("regression")[0].predict(features), atol=1e-6)


def test_a_file_of_several_blocks_is_read(tmp_path):
    features, values = _data()
    file = tmp_path / "train.csv"
    np.savetxt(file, np.column_stack([values, features]), delimiter=",", fmt="%.6f")
    times = 17 * 1024**2 // file.stat().st_size + 1  # a block has 16 MiB
    file.write_bytes(file.read_bytes() * times)
    data = lgb.Dataset(file, params={**_SAME_EVERYWHERE, "label_column": 0}).construct()
    assert data.num_data() == len(values) * times
    # It keeps single precision.
    assert np.array_equal(data.get_label(), np.tile(values.astype(np.float32), times))


def test_python_functions_are_called_back():
    features, values = _data()
    seen = []

    def squares(predictions, data):
        return predictions - data.get_label(), np.ones_like(predictions)

    def error(predictions, data):
        seen.append(float(np.mean((predictions - data.get_label()) ** 2)))
        return "own", seen[-1], False

    data = lgb.Dataset(features, label=values, categorical_feature=[6], params=_SAME_EVERYWHERE)
    parameters = {**_SAME_EVERYWHERE, "objective": squares, "metric": "none"}
    lgb.train(parameters, data, num_boost_round=_ROUNDS, valid_sets=[data], feval=error)
    assert len(seen) == _ROUNDS
    assert seen[-1] < seen[0] / 10


def test_errors_of_the_library_are_exceptions():
    booster, features = _train("regression")
    try:
        booster.predict(features[:, :3])
    except lgb.basic.LightGBMError as error:
        assert "number of features in data (3)" in str(error)
    else:
        raise AssertionError("a prediction for too few features was made")


def test_there_is_no_network():
    features, values = _data()
    parameters = {**_SAME_EVERYWHERE, "num_machines": 2, "machines": "127.0.0.1:1,127.0.0.1:2"}
    try:
        lgb.train(parameters, lgb.Dataset(features, label=values), num_boost_round=1)
    except lgb.basic.LightGBMError as error:
        assert "no network" in str(error)
    else:
        raise AssertionError("two machines trained together without a network")


if __name__ == "__main__":
    pprint({name: _facts(name) for name in _MODELS}, width=100, compact=True)
