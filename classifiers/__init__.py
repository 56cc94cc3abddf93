"""Termination predictors: how long will each active request go on?"""

from classifiers.empirical import ExactMatch, Survival
from classifiers.interface import Predictor
from classifiers.noisy import Noisy
from classifiers.oracle import Oracle

__all__ = ["ExactMatch", "Noisy", "Oracle", "Predictor", "Survival"]
