"""How well a model is doing before any label has come: estimates from the scores and what the reference says of them.

From a reference with labels: `labelled` its rows, `realised` their metrics, `isotonic` scores to probabilities, `error_tree`
inputs to expected errors, `build` the section that holds all this. From then on: `tables` what kernels look up, `cbpe`,
`cbpe_multiclass` and `dle` the estimates, `estimator` the one of a model, `reconciliation` what they were worth later.
"""
