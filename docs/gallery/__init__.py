"""Examples whose pictures stand in the guide."""
