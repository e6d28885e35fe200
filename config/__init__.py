"""The one configuration tree: its settings, its validation, its defaults and its examples.

`model_spec.ModelSpec` is what the rest of the program sees of a model; `load.load_config` reads a file into it.
Nothing is imported here, so that the core reads `model_spec` without loading pydantic or a YAML parser.
"""
