"""Results as attributes, as items and as dictionaries."""

import json

import numpy as np
import pytest

from distilbert import Classification, Entity, SparseVector


def test_a_field_is_an_attribute_and_an_item() -> None:
    result = Classification("good", 0.75, 5, False)
    assert (result["label"], result["score"]) == (result.label, result.score) == ("good", 0.75)
    assert dict(result) == result.to_dict() == {"label": "good", "score": 0.75, "tokens": 5, "truncated": False}
    assert list(Entity("PER", "Amy", 0, 3, 0.5).keys()) == ["label", "text", "start", "end", "score"]
    for name in ("lable", "to_dict", "keys"):
        with pytest.raises(KeyError, match=name):
            result[name]


def test_arrays_stay_arrays_in_a_dictionary_and_are_lists_for_json() -> None:
    vector = SparseVector(np.array([3, 7]), np.array([0.5, 1.0], np.float32))
    assert dict(vector)["indices"] is vector.indices
    assert json.loads(json.dumps(vector.to_dict())) == {"indices": [3, 7], "values": [0.5, 1.0]}
