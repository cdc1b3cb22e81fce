"""Small generators of test data."""
