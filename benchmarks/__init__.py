"""What PiCloud costs, measured against what a user would pick instead."""
