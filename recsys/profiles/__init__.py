"""What is known of users and items at a moment: histories, item statistics, user profiles."""
