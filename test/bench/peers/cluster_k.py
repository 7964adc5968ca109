"""Criteria for the number of clusters, by scikit-learn, over clusterings that the bench made. Prints JSON."""

import json
import sys

import numpy as np
import pyarrow as pa
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
    silhouette_score,
)

folder = sys.argv[1]
with open(f"{folder}/clusters.json") as file:
    given = json.load(file)
rows = np.fromfile(f"{folder}/sample.f32", dtype=np.float32).reshape(-1, given["dim"])
out = f"{folder}/out"
first = pa.ipc.open_file(f"{out}/embeddings.arrow").read_all()["_row"].to_numpy()
table = pa.ipc.open_file(f"{out}/clusters.arrow").read_all()
column = next((name for name in ("class", "label") if name in table.column_names), None)
classes = None
if column and table[column].null_count == 0:
    class_of = dict(zip(table["_row"].to_pylist(), table[column].to_pylist()))
    classes = [class_of[row] for row in first[given["sample"]].tolist()]


def simplified_silhouette(clusters, k):
    """The silhouette with distances to centroids in place of mean distances to members."""
    centres = np.stack([rows[clusters == j].mean(0) if (clusters == j).any() else np.full(rows.shape[1], 9.0) for j in range(k)])
    distances = np.sqrt(np.maximum(0, (rows**2).sum(1)[:, None] + (centres**2).sum(1) - 2 * rows @ centres.T))
    own = distances[np.arange(len(rows)), clusters]
    distances[np.arange(len(rows)), clusters] = np.inf
    other = distances.min(1)
    return float(np.mean((other - own) / np.maximum(np.maximum(other, own), 1e-12)))


def agreement(clusters):
    if classes is None:
        return {"ami": None, "ari": None}
    return {"ami": adjusted_mutual_info_score(classes, clusters), "ari": adjusted_rand_score(classes, clusters)}


scores = []
for one in given["found"]:
    k, clusters = one["k"], np.array(one["clusters"])
    score = {"k": k, "inertia": one["inertia"], **agreement(clusters)}
    if k > 1:
        score["silhouette"] = float(silhouette_score(rows, clusters, sample_size=min(2000, len(rows)), random_state=0))
        score["simplified silhouette"] = simplified_silhouette(clusters, k)
        score["Calinski-Harabasz"] = float(calinski_harabasz_score(rows, clusters))
        score["Davies-Bouldin"] = -float(davies_bouldin_score(rows, clusters))
        score["stability of two seeds (AMI)"] = adjusted_mutual_info_score(clusters, one["again"])
    scores.append(score)

ours = given["ours"]
result = [{"criterion": "--k auto", "k": ours["k"], **agreement(ours["clusters"])}]
for criterion in ("silhouette", "simplified silhouette", "Calinski-Harabasz", "Davies-Bouldin", "stability of two seeds (AMI)"):
    best = max((score for score in scores if criterion in score), key=lambda score: score[criterion])
    result.append({"criterion": criterion, "k": best["k"], "ami": best["ami"], "ari": best["ari"]})

# The elbow (V. Satopaa et al., Finding a "Kneedle" in a haystack, 2011), over log k.
x = np.log([score["k"] for score in scores])
y = np.array([score["inertia"] for score in scores])
bend = 1 - (y - y.min()) / (y.max() - y.min()) - (x - x[0]) / (x[-1] - x[0])
elbow = scores[int(np.argmax(bend))]
result.append({"criterion": "elbow of the inertia", "k": elbow["k"], "ami": elbow["ami"], "ari": elbow["ari"]})
if classes is not None:
    best = max(scores, key=lambda score: score["ami"])
    result.append({"criterion": "best AMI of all k", "k": best["k"], "ami": best["ami"], "ari": best["ari"]})
print(json.dumps(result))
