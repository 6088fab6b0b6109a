"""Generated messages and stubs of the internal contract; `make proto` writes them."""
