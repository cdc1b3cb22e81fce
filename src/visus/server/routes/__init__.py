"""What can be asked of the server, one router for each subject."""
