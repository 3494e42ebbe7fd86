#!/usr/bin/env python3
"""Trees beside XGBoost and scikit-learn: out-of-fold AUC on CodePro's leads and the campaigns.

    test/bench/tree_peers.py [SEEDS [SET ...]]

Run from the top of the tree by `make bench`, and in part by test/t/011_tree_peers.pl,
against the server that PGHOST and so on point at (a database with the extension),
with Debian's python3-xgboost and python3-sklearn.  Five folds by lead_fold(), pooled;
the same folds for all, and the same settings: trees, rate, depth, rows of a leaf,
columns of a split.  Peers get levels as ordinal codes.  Ours may be at most 0.002
below, on average over seeds; a set where it is makes the exit status 1.
"""
import csv
import datetime
import gzip
import io
import subprocess
import sys

import numpy as np
import xgboost
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

DATA = "../shared/data/"
SETS = {
    "CodePro, six columns": (
        "codepro/model_input.csv.gz", "app_complete_flag",
        ["total_leads_droppped", "referred_lead", "city_tier", "first_platform_c",
         "first_utm_medium_c", "first_utm_source_c"]),
    "CodePro, all and time": (
        "codepro/leadscoring.csv.gz", "app_complete_flag", None),
    "campaigns, two amounts": (
        "campaign/campaign_data.csv.gz", "IsSuccessful", ["GoalAmount", "RaisedAmount"]),
    "campaigns, all columns": (
        "campaign/campaign_data.csv.gz", "IsSuccessful",
        ["GoalAmount", "RaisedAmount", "DurationDays", "NumBackers", "Category", "LaunchMonth",
         "Country", "Currency", "OwnerExperience", "VideoIncluded", "SocialMediaPresence",
         "NumUpdates"]),
}
SETTINGS = {
    "boost": '{"family": "boost", "trees": 100, "rate": 0.1, "depth": 6, "min_leaf": 1, "mtry": 1000, "seed": %d}',
    "forest": '{"family": "forest", "trees": 100, "depth": 16, "min_leaf": 5, "seed": %d}',
}


def psql(script):
    run = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", "-"], input=script,
                         capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(run.stderr)
    return run.stdout


def numeric(values):
    """Numbers as they are, levels as the ranks of their names; empty is missing."""
    try:
        return np.array([float(v) if v != "" else np.nan for v in values], dtype=np.float32), "float8"
    except ValueError:
        ranks = {v: float(i) for i, v in enumerate(sorted(set(values)))}
        return np.array([ranks[v] for v in values], dtype=np.float32), "text"


def read(name):
    path, label, columns = SETS[name]
    with gzip.open(DATA + path, "rt", newline="") as f:
        rows = list(csv.DictReader(f))
    if columns is None:
        columns = [c for c in rows[0] if c not in ("lead_id", "created_date", label)] + ["hour", "day", "month"]
        for r in rows:
            at = datetime.datetime.fromisoformat(r["created_date"])
            r["hour"], r["day"], r["month"] = "h%02d" % at.hour, "d%d" % at.weekday(), "m%02d" % at.month
    arrays = [numeric([r[c] for r in rows]) for c in columns]
    table = io.StringIO()
    out = csv.writer(table, lineterminator="\n")
    for i, r in enumerate(rows):
        out.writerow([i, r[label]] + [r[c] for c in columns])
    declared = ", ".join('c%d %s' % (i, a[1]) for i, a in enumerate(arrays))
    load = "CREATE TEMP TABLE t (id int, won int, %s);\n\\copy t FROM STDIN CSV\n%s\\.\n" % (
        declared, table.getvalue())
    return load, np.column_stack([a[0] for a in arrays]), np.array([int(r[label]) for r in rows])


def ours(load, seed, n):
    """Scores by family, and the folds."""
    script = "SET client_min_messages = error;\n" + load
    for options in SETTINGS.values():
        script += """
WITH m AS MATERIALIZED (
    SELECT k, lead_train(won, t, '{"exclude": ["id"]}'::jsonb || '%s') FILTER (WHERE lead_fold(id, 5, %d) <> k) AS model
    FROM t, generate_series(0, 4) k GROUP BY k)
SELECT id, lead_fold(id, 5, %d), lead_score(model, t) FROM m JOIN t ON lead_fold(id, 5, %d) = k;
\\echo
""" % (options % seed, seed, seed, seed)
    scores = {}
    folds = np.zeros(n, dtype=int)
    for family, block in zip(SETTINGS, psql(script).split("\n\n")):
        scores[family] = np.zeros(n)
        for line in block.split():
            i, fold, score = line.split("|")
            folds[int(i)] = int(fold)
            scores[family][int(i)] = float(score)
    return scores, folds


def theirs(x, y, folds, seed):
    scores = {family: np.zeros(len(y)) for family in SETTINGS}
    for k in range(5):
        fit, held = folds != k, folds == k
        booster = xgboost.train(
            {"tree_method": "hist", "max_bin": 256, "max_depth": 6, "eta": 0.1, "lambda": 1, "nthread": 1,
             "min_child_weight": 0, "objective": "binary:logistic", "seed": seed},
            xgboost.DMatrix(x[fit], label=y[fit]), 100)
        scores["boost"][held] = booster.predict(xgboost.DMatrix(x[held]))
        forest = RandomForestClassifier(100, max_depth=16, min_samples_leaf=5, random_state=seed)
        forest.fit(np.nan_to_num(x[fit], nan=-1), y[fit])
        scores["forest"][held] = forest.predict_proba(np.nan_to_num(x[held], nan=-1))[:, 1]
    return scores


def main():
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    below = False
    for name in sys.argv[2:] or SETS:
        load, x, y = read(name)
        difference = {family: [] for family in SETTINGS}
        for seed in range(1, seeds + 1):
            mine, folds = ours(load, seed, len(y))
            peers = theirs(x, y, folds, seed)
            for family in SETTINGS:
                a, b = roc_auc_score(y, mine[family]), roc_auc_score(y, peers[family])
                difference[family].append(a - b)
                print("%-24s seed %d  %-6s  leadscore %.4f  peer %.4f  %+.4f"
                      % (name, seed, family, a, b, a - b), flush=True)
        for family, d in difference.items():
            low = np.mean(d) < -0.002
            below |= low
            print("%-24s mean    %-6s  %+.4f%s" % (name, family, np.mean(d), "  BELOW" if low else ""), flush=True)
    return below


sys.exit(int(main()))
