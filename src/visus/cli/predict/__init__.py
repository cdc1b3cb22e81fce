"""``visus predict``: what a trained network says of pictures, one face for each task."""
