"""Diagnosis of a data set's files."""
