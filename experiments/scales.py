"""Scales: edits applied after all others, so that a toy number has other ids than a paper-scale one."""


