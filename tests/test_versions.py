"""Versions of the libraries: what requirements.txt admits, and what an old Keras is told."""

import runpy

import pytest
import tensorflow as tf
from conftest import TOP
from packaging.requirements import Requirement
from packaging.version import Version


def required(file, python):
    """{name: SpecifierSet} of a file of requirements, for this version of Python."""
    lines = [line.partition("#")[0].strip() for line in (TOP / file).read_text().splitlines()]
    found = [Requirement(line) for line in lines if line]
    met = [r for r in found if not r.marker or r.marker.evaluate({"python_version": python})]
    assert len({r.name for r in met}) == len(met)
    return {r.name: r.specifier for r in met}


def version(specifiers, operator):
    """The Version in a SpecifierSet of one specifier, with this operator."""
    (only,) = specifiers
    assert only.operator == operator
    return Version(only.version)


def test_ci_tests_the_oldest_versions_that_are_admitted():
    admitted = required("requirements.txt", "3.11")
    pins = required("tests/floor.txt", "3.11")
    oldest = {name: version(specifiers, ">=") for name, specifiers in admitted.items()}
    assert {name: version(pin, "==") for name, pin in pins.items()} == oldest


def test_python_3_14_gets_the_candidate_and_the_keras_that_it_brings():
    """TensorFlow 2.22.0rc0 requires keras-nightly, which has the folder of keras."""
    admitted = required("requirements.txt", "3.14")
    assert "2.22.0rc0" in admitted["tensorflow"] and "2.21.0" not in admitted["tensorflow"]
    assert "keras" not in admitted
    assert not required("requirements.txt", "3.13")["tensorflow"].prereleases


@pytest.mark.parametrize("keras", ["3.9.2", "3.10.0", "3.11.0", "3.16.0.dev2026102704", "4.0.0"])
def test_an_old_keras_is_one_line_and_status_2(keras, monkeypatch, capfd):
    """Keras 3.9 and 3.10 would train 4.1 and 4.2 on black images, without a word."""
    old = keras.startswith(("3.9", "3.10"))
    monkeypatch.setattr(tf.keras, "__version__", keras)
    try:
        runpy.run_path(TOP / "visu" / "training" / "quiet_tensorflow.py")
        status = 0
    except SystemExit as end:
        status = end.code
    lines = capfd.readouterr().err.splitlines()
    assert (status, len(lines)) == ((2, 1) if old else (0, 0))
    assert not old or all(word in lines[0] for word in (keras, "pip install", "requirements.txt"))
