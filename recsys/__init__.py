"""Pure recommendation library: no gRPC, no LLM, no command line."""
