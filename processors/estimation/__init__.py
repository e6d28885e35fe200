"""How well a model is doing before any label has come: estimates from the scores and what the reference says of them.

`isotonic` and `calibration` scores to probabilities, `error_tree` features to expected errors, `realised` metrics of rows
with labels, `build` the reference's section from these; `cbpe`, `cbpe_multiclass` and `dle` the estimates, `estimator` the
one of a model, `reconciliation` what an estimate was worth once the labels were there.
"""
