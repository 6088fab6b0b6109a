"""Reports for people: one page builder, its plots, and a module for each kind of report."""
