"""peers.py sparse|dense|xgboost|forest: others on the same leads, stage by stage.

Prints one line: seconds for COPY out, encode, fit, score, COPY back, the log
loss and the peak memory in MB.  "sparse" is the best setting that is known for
these data (one-hot to a sparse matrix, newton-cholesky), "dense" what tutorials
do (get_dummies, the default solver).  "xgboost" grows 100 trees of depth 6 by
histograms, "forest" 100 trees of depth 10 of scikit-learn, both with one thread
and with levels as ordinal codes; XGBoost's own matrix of bins is part of its
fit, as the bins are of ours.  Imports are not counted.
"""
import io
import resource
import sys
import time
import warnings

import pandas as pd
import psycopg2
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import OneHotEncoder

TEXTS = ["first_platform_c", "first_utm_medium_c", "first_utm_source_c"]
warnings.simplefilter("ignore")
connection = psycopg2.connect("")
cursor = connection.cursor()
stages = []
start = time.monotonic()


def stage():
    global start
    now = time.monotonic()
    stages.append(now - start)
    start = now


file = io.BytesIO()
cursor.copy_expert("COPY leads TO STDOUT (FORMAT csv, HEADER)", file)
stage()

file.seek(0)
leads = pd.read_csv(file)
del file
y = leads["app_complete_flag"].to_numpy()
ids = leads["id"]
leads = leads.drop(columns=["id", "created_date", "app_complete_flag"])
numbers = [name for name in leads.columns if name not in TEXTS]
how = sys.argv[1]
if how == "sparse":
    x = ColumnTransformer([
        ("texts", OneHotEncoder(drop="first"), TEXTS),
        ("numbers", SimpleImputer(add_indicator=True), numbers),
    ], sparse_threshold=1).fit_transform(leads)
    model = LogisticRegression(solver="newton-cholesky")
elif how == "dense":
    leads = leads.fillna(leads[numbers].mean())
    x = pd.get_dummies(leads, columns=TEXTS, drop_first=True)
    model = LogisticRegression()
else:
    for name in TEXTS:
        leads[name] = leads[name].astype("category").cat.codes
    if how == "xgboost":
        from xgboost import XGBClassifier

        x = leads.to_numpy(dtype="float32")
        model = XGBClassifier(n_estimators=100, max_depth=6, learning_rate=0.1,
                              tree_method="hist", max_bin=256, n_jobs=1)
    else:
        x = leads.fillna(-1).to_numpy(dtype="float32")
        model = RandomForestClassifier(100, max_depth=10, min_samples_leaf=5, n_jobs=1)
stage()

model.fit(x, y)
stage()

scores = model.predict_proba(x)[:, 1]
stage()

file = io.StringIO()
pd.DataFrame({"id": ids, "score": scores}).to_csv(file, header=False, index=False)
file.seek(0)
cursor.execute("DROP TABLE IF EXISTS peer_scores; CREATE TABLE peer_scores (id int, score float8)")
cursor.copy_expert("COPY peer_scores FROM STDIN (FORMAT csv)", file)
connection.commit()
stage()

memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(*(f"{s:.3f}" for s in stages), f"{log_loss(y, scores):.6f}", f"{memory:.0f}")
