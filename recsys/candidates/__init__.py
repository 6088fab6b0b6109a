"""Candidate sources: each proposes items for a profile; `retrieve` merges them."""
