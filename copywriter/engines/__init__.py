"""What writes copy: a language model behind the `Engine` protocol, or templates."""
