"""The gRPC server: validation, slates, feedback and the copy-engine process."""
