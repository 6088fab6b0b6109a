"""From candidates to a ranked, diverse slate."""
