"""How right the predictions were, once their labels are there: sums that labels are added to and taken away from.

`classes` spellings to numbers; `quantum` why sums are exact in any order; `common` the columns that all tasks begin with;
`binary`, `multiclass`, `regression`, `ranking` one file a task, all with the same four names (WIDTH or a layout, `add`,
`sums_plain`, `metrics`); `task_layout` the one of a
model; `delay_curves`, `correction`, `corrected_windows` what fast labels hide;
`fairness` gaps between segments.
"""
