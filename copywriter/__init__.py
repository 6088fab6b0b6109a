"""Words for a slate: facts in, checked pitches out. What is not a fact of the item cannot be said."""
