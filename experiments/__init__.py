"""WHAT is run, and the words for it.

table   the paper's printed table as a frozen literal: rows, columns, printed values.
row     one line of it: its labels, the edits that set it apart, the printed values last.
column  one measured or printed quantity, with the base run whose rows it measures.
cell    a row under a column: the column's base run, with the row's and then the column's edits applied.
edit    a change of one field of a run, named by its dotted path.
run     everything that decides a trained model and its score: model, data, optimisation, evaluation, seed.
scale   edits applied last: `paper` changes nothing, `tiny` fits a laptop.
train_id, eval_id  hashes of what decides the weights and of what decides the score; equal runs are trained once.
"""
