"""What a model's fields looked like when all was well: built once, compared with for ever.

`profile` the file, `gather` rows to columns, `bins` columns to bins, `build` the whole, `contract` what a value may be,
`layout` what the decoder needs of it, `problems` what can be wrong with a file, `show` how a person reads it.
"""
