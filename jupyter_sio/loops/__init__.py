"""What people put into their loops: progress bars, log records, runs, and trainers' callbacks."""
