"""One reader per data set, for the authors' own annotation format.

Whatever reads annotations raises a `DataError` in one line with the file, the fault and its remedy; whatever reads an
item raises a `DecodeError`, and a run counts the item as unreadable.
"""
