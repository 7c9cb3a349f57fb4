"""Single-season occupancy from a detection history, for those who have no R at hand.

usage: python3 occupancy.py history_SPECIES.csv

The model of MacKenzie et al. (2002) without covariates: a site is occupied with probability psi, and an occupied site
gives a detection with probability p in each occasion that was watched. Standard errors are those of the curvature at
the maximum. With covariates, or a site with little effort, take unmarked or PRESENCE.
"""

import csv
import math
import sys


def histories(path):
    with open(path, newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [[None if y == "NA" else int(y) for y in row[1:]] for row in rows]


def log_likelihood(sites, psi, p):
    total = 0.0
    for site in sites:
        watched = [y for y in site if y is not None]
        given = math.prod(p if y else 1 - p for y in watched)
        total += math.log(psi * given + (0 if any(watched) else 1 - psi))
    return total


def logistic(x):
    return 1 / (1 + math.exp(-x))


def fit(sites):
    def at(x, y):
        return log_likelihood(sites, logistic(x), logistic(y))

    x = y = 0.0
    step = 1.0
    while step > 1e-6:
        around = [(x + i * step, y + j * step) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        best = max(around, key=lambda c: at(max(-12, min(12, c[0])), max(-12, min(12, c[1]))))
        best = (max(-12, min(12, best[0])), max(-12, min(12, best[1])))
        if best == (x, y):
            step /= 2
        x, y = best
    h = 1e-4
    xx = (at(x + h, y) - 2 * at(x, y) + at(x - h, y)) / h**2
    yy = (at(x, y + h) - 2 * at(x, y) + at(x, y - h)) / h**2
    xy = (at(x + h, y + h) - at(x + h, y - h) - at(x - h, y + h) + at(x - h, y - h)) / (4 * h**2)
    determinant = xx * yy - xy**2
    psi, p = logistic(x), logistic(y)
    if determinant <= 1e-9 or abs(x) >= 12 or abs(y) >= 12:
        return psi, None, p, None
    return psi, psi * (1 - psi) * math.sqrt(-yy / determinant), p, p * (1 - p) * math.sqrt(-xx / determinant)


def told(name, value, error):
    return f"{name} {value:.3f}" + (f" (SE {error:.3f})" if error is not None else " (at the edge: no SE)")


sites = [s for s in histories(sys.argv[1]) if any(y is not None for y in s)]
seen = sum(any(s) for s in sites)
if not seen:
    sys.exit("never detected: nothing to estimate")
psi, psi_error, p, p_error = fit(sites)
print(f"sites {len(sites)}, with detections {seen} (naive {seen / len(sites):.3f})")
print(told("psi", psi, psi_error))
print(told("p  ", p, p_error))
