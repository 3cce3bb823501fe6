"""Judgement of claims."""
