"""Where records of jobs live."""
