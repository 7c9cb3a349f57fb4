"""Reads a Camtrap DP package with pandas, knowing nothing of Trapline, and prints what an ecologist takes from it.

usage: read_camtrap_dp.py DIR
"""
import json
import pathlib
import sys

import pandas as pd

folder = pathlib.Path(sys.argv[1])
package = json.loads((folder / "datapackage.json").read_text())
tables = {r["name"]: pd.read_csv(folder / r["path"]) for r in package["resources"]}
deployments, media, observations = (tables[n] for n in ("deployments", "media", "observations"))
for column in ("deploymentStart", "deploymentEnd"):
    deployments[column] = pd.to_datetime(deployments[column])
for column in ("eventStart", "eventEnd"):
    observations[column] = pd.to_datetime(observations[column])

# Every row finds its partner, and lies within its deployment.
joined = observations.merge(deployments, on="deploymentID", how="left", validate="many_to_one", indicator=True)
assert (joined["_merge"] == "both").all()
assert (joined.eventStart >= joined.deploymentStart).all() and (joined.eventEnd <= joined.deploymentEnd).all()
boxed = observations[observations.mediaID.notna()].merge(media, on="mediaID", how="left", validate="many_to_one")
assert boxed.filePath.notna().all()
assert (boxed.observationLevel == "media").all()
boxes = observations[observations.bboxX.notna()]
assert ((boxes.bboxX + boxes.bboxWidth) <= 1.00002).all() and ((boxes.bboxY + boxes.bboxHeight) <= 1.00002).all()

# Effort by camtrapR's rule: from the first start to the last end of a location, without gaps of a day and more.
effort, problems = {}, {}
sure = deployments[~deployments.timestampIssues]
for location, rows in sure.sort_values("deploymentStart").groupby("locationID"):
    gaps = (rows.deploymentStart - rows.deploymentEnd.shift()).dt.total_seconds() / 3600
    gaps = gaps[gaps >= 24]
    whole = (rows.deploymentEnd.max() - rows.deploymentStart.min()).total_seconds() / 3600
    effort[location] = round(whole - gaps.sum(), 1)
    problems[location] = len(gaps)

events = joined[joined.observationLevel == "event"]
animals = events[events.observationType == "animal"]
seen = animals.groupby(["locationID", "scientificName"])["count"].sum()
print(json.dumps({
    "types": events.observationType.value_counts().to_dict(),
    "seen": {f"{place}: {name}": int(n) for (place, name), n in seen.items()},
    "human": events[events.classificationMethod == "human"].classifiedBy.tolist(),
    "effort": effort,
    "problems": problems,
    "media": len(media),
    "private": int((~media.filePublic).sum()),
    "boxes": len(boxes),
    "undated": sorted(deployments[deployments.timestampIssues].locationID),
    "taxa": sorted(t["scientificName"] for t in package["taxonomic"]),
}))
