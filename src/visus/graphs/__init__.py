"""Networks as exported graphs, run without a deep-learning library: the table of weights, the graphs, their runners."""
