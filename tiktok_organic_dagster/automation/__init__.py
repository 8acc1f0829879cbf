"""What runs by itself: jobs."""
