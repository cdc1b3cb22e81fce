"""Search by words: which words a network knows, and which pictures show what they name."""
