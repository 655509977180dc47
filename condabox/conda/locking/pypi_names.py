"""conda-forge's names for what pip calls otherwise, for networks that conda-lock's table is not in.

conda-lock needs a table of names to know which wheels the conda packages of an environment stand
for.  Its own is complete and downloaded; this one is neither, and used where that fails.
"""

from __future__ import annotations

import json

CONDA_NAME_OF = {
    "annoy": "python-annoy",
    "antlr4-python3-runtime": "antlr-python-runtime",
    "apache-airflow": "airflow",
    "astropy": "astropy-base",
    "avro": "python-avro",
    "blosc": "python-blosc",
    "blosc2": "python-blosc2",
    "brotli": "brotli-python",
    "build": "python-build",
    "confluent-kafka": "python-confluent-kafka",
    "dask": "dask-core",
    "docker": "docker-py",
    "duckdb": "python-duckdb",
    "faiss-cpu": "faiss",
    "fastjsonschema": "python-fastjsonschema",
    "flatbuffers": "python-flatbuffers",
    "graphviz": "python-graphviz",
    "htcondor": "python-htcondor",
    "igraph": "python-igraph",
    "installer": "python-installer",
    "kaleido": "python-kaleido",
    "kubernetes": "python-kubernetes",
    "lmdb": "python-lmdb",
    "matplotlib": "matplotlib-base",
    "msgpack": "msgpack-python",
    "neo4j": "neo4j-python-driver",
    "opencv-python": "py-opencv",
    "ortools": "ortools-python",
    "pandera": "pandera-core",
    "pyarrow": "pyarrow-core",
    "pyqt5": "pyqt",
    "qtconsole": "qtconsole-base",
    "ray": "ray-core",
    "redis": "redis-py",
    "seaborn": "seaborn-base",
    "sentencepiece": "sentencepiece-python",
    "sounddevice": "python-sounddevice",
    "soundfile": "pysoundfile",
    "symengine": "python-symengine",
    "tables": "pytables",
    "tensorflow": "tensorflow-base",
    "torch": "pytorch",
    "torch-cluster": "pytorch-cluster",
    "torch-geometric": "pytorch-geometric",
    "torch-scatter": "pytorch-scatter",
    "torch-sparse": "pytorch-sparse",
    "trino": "trino-python-client",
    "tzdata": "python-tzdata",
    "xgboost": "py-xgboost",
    "xxhash": "python-xxhash",
}
"""By pip's name; both are normalized, as conda-lock normalizes conda's before it looks here."""


def lookup_table() -> str:
    """Return the names in the form of conda-lock's table (JSON)."""
    return json.dumps(
        {
            pypi_name: {"conda_name": conda_name, "pypi_name": pypi_name}
            for pypi_name, conda_name in sorted(CONDA_NAME_OF.items())
        }
    )
