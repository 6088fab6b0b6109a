"""Jobs that turn logs into bundles and figures: one module a job."""
