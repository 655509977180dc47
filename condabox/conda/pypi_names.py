"""conda-forge's names for what pip calls otherwise, for networks that conda-lock's table is not in.

conda-lock needs a table of names to know which wheels the conda packages of an environment stand
for.  Its own is complete and downloaded; this one is neither, and used where that fails.
"""

from __future__ import annotations

import json

CONDA_NAME_OF = {
    "apache-airflow": "airflow",
    "avro": "python-avro",
    "blosc": "python-blosc",
    "brotli": "brotli-python",
    "build": "python-build",
    "confluent-kafka": "python-confluent-kafka",
    "dask": "dask-core",
    "docker": "docker-py",
    "duckdb": "python-duckdb",
    "faiss-cpu": "faiss",
    "flatbuffers": "python-flatbuffers",
    "graphviz": "python-graphviz",
    "kubernetes": "python-kubernetes",
    "lmdb": "python-lmdb",
    "matplotlib": "matplotlib-base",
    "msgpack": "msgpack-python",
    "neo4j": "neo4j-python-driver",
    "opencv-python": "py-opencv",
    "pyqt5": "pyqt",
    "ray": "ray-core",
    "seaborn": "seaborn-base",
    "sentencepiece": "sentencepiece-python",
    "tables": "pytables",
    "tensorflow": "tensorflow-base",
    "torch": "pytorch",
    "tzdata": "python-tzdata",
    "xgboost": "py-xgboost",
    "xxhash": "python-xxhash",
}


def lookup_table() -> str:
    """Return the names in the form of conda-lock's table (JSON)."""
    return json.dumps(
        {
            pypi_name: {"conda_name": conda_name, "pypi_name": pypi_name}
            for pypi_name, conda_name in sorted(CONDA_NAME_OF.items())
        }
    )
