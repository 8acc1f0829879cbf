"""What runs by itself: schedules, sensors, and their jobs."""
