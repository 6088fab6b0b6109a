"""The served path under measurement: `make bench-serve`."""
