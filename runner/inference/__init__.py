"""Trained models applied to single videos."""
