"""A prediction service: trains a small model when it starts, then answers requests."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import lightgbm
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel, Field
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FEATURES = 4

Row = Annotated[list[float], Field(min_length=FEATURES, max_length=FEATURES)]


class PredictionRequest(BaseModel):
    """Rows of features, each to be given a prediction."""

    rows: Annotated[list[Row], Field(min_length=1, max_length=1000)]


class PredictionResponse(BaseModel):
    """One prediction for each row, in the order of the rows."""

    predictions: list[float]


class Health(BaseModel):
    """Whether the model is there, and how good it is on rows that it has not seen."""

    status: str
    r2: float


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Train before the first request is taken, so that `/health` answers only when it may."""
    app.state.model, app.state.r2 = train()
    yield


def train() -> tuple[lightgbm.LGBMRegressor, float]:
    """Fit a model to data made here, and return it with its R² on the part that was held back."""
    random = np.random.default_rng(seed=0)
    features = random.random((2000, FEATURES))
    target = features @ np.array([3.0, -2.0, 1.0, 0.5]) + np.sin(6 * features[:, 0])
    seen, unseen, seen_target, unseen_target = train_test_split(features, target, random_state=0)
    model = lightgbm.LGBMRegressor(n_estimators=100, random_state=0, n_jobs=1, verbose=-1)
    model.fit(seen, seen_target)
    return model, float(r2_score(unseen_target, model.predict(unseen)))


app = FastAPI(title="condabox serving example", lifespan=lifespan)


@app.get("/health")
def health() -> Health:
    """Tell that the service works."""
    return Health(status="ok", r2=app.state.r2)


@app.post("/predict")
def predict(body: PredictionRequest) -> PredictionResponse:
    """Predict one number for each row."""
    predictions = app.state.model.predict(np.asarray(body.rows))
    return PredictionResponse(predictions=predictions.tolist())
