"""Commands that call a running server; they need grpcio and protobuf only."""
