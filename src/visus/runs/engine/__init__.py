"""What trains and measures a network of any task."""
