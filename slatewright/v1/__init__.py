"""Generated messages and stubs of the public contract; `make proto` writes them."""
