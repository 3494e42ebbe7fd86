"""peers.py sparse|dense ROWS: scikit-learn on the same leads, stage by stage.

Prints one line: seconds for COPY out, encode, fit, score, COPY back, the log
loss and the peak memory in MB.  "sparse" is the best setting that is known for
these data (one-hot to a sparse matrix, newton-cholesky), "dense" what tutorials
do (get_dummies, the default solver).  Imports are not counted.
"""
import io
import resource
import sys
import time
import warnings

import pandas as pd
import psycopg2
from sklearn.compose import ColumnTransformer
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
if sys.argv[1] == "sparse":
    x = ColumnTransformer([
        ("texts", OneHotEncoder(drop="first"), TEXTS),
        ("numbers", SimpleImputer(add_indicator=True), numbers),
    ], sparse_threshold=1).fit_transform(leads)
    model = LogisticRegression(solver="newton-cholesky")
else:
    leads = leads.fillna(leads[numbers].mean())
    x = pd.get_dummies(leads, columns=TEXTS, drop_first=True)
    model = LogisticRegression()
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
